"""What an original model is asked while it is loaded: its columns, its answers, rows that stress it."""
