"""Rewrites that change no answer: each is a function from Graph to how often it applied."""
