"""Compaction: merges the many small files of a closed hour into a few large ones."""
