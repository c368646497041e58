"""The S3 server of tests."""

from ...object_store import bucket, s3_server, weather

__all__ = ["bucket", "s3_server", "weather"]
