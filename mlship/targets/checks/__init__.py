"""What looks at what targets write: validators, schemas and rules of other projects, where they are installed."""
