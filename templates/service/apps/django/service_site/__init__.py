"""The Django project: settings, and views of your own."""
