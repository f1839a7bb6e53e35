"""What clients speak: the routes of each protocol, and their OpenAPI description."""
