"""What the local pipeline keeps on disk: one SQLite database, and the objects of its buckets as plain files."""
