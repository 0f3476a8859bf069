"""One small reader a file format; each turns a file's bytes into drafts of documents."""
