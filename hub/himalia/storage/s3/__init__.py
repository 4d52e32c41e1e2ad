"""The object store in a bucket of Amazon S3, or of any server that speaks its protocol."""
