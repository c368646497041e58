"""An S3 server for what lies in object stores."""

from ...object_store import bucket, s3_server, weather

__all__ = ["bucket", "s3_server", "weather"]
