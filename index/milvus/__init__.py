"""A store of passages that many machines share: collections of a Milvus server."""
