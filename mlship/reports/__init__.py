"""What a benchmark leaves behind: one document of measurements, and the pages and tables that are made of it."""
