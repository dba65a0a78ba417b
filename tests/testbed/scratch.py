"""Folders for one test: short (sockets lie in them) and passable for other users."""

import contextlib
import pathlib
import shutil
import tempfile


@contextlib.contextmanager
def scratch_folder(below="/tmp"):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="iris-t-", dir=below))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
