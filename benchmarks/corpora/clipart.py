"""Openclipart."""

PACKAGES = ()
