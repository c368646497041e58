"""The lock of whatever may import torch: tokenizers of images and audio, and libraries that read sources.

A module that two threads import at once may be seen half made, and torch stays broken then for the whole process.
"""

from threading import RLock

MEDIA_LOCK = RLock()
