"""What every server needs to start, to run workers and to end."""
