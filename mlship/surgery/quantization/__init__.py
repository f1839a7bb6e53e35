"""Stores and multiplies the weights of matrix products in fewer bits."""
