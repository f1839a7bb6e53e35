"""The proof of an image: it is started, asked, strained and measured."""
