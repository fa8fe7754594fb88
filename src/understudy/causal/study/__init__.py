"""A real-world study: its file, its diagnostics, and what it may say."""
