"""Embedding apart from indexing: documents become shards of vectors, on many machines, and shards fill a store."""
