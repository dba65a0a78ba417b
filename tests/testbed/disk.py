"""A small disk, to be filled up."""

import os
import pathlib
import subprocess

_PIECE = bytes(64 << 10)


class Disk:
    """A tmpfs at `path`, owned by `uid`. Below an account's home it goes with the account."""

    def __init__(self, path: pathlib.Path, uid: int, mib=64, inodes=2000):
        self._path = path
        subprocess.run(["mount", "-t", "tmpfs", "-o",
                        f"size={mib}m,nr_inodes={inodes},uid={uid},gid={uid},mode=0700",
                        "iris-t-disk", str(self._path)], check=True)

    def take_room(self, leave=0):
        """No block is left, or about so many bytes."""
        self._fill(lambda folder: self._write(folder / "big"))
        if leave:
            path = self._folder() / "big"
            os.truncate(path, max(0, path.stat().st_size - leave))

    def take_inodes(self):
        """No file can be made any more."""
        def fill(folder):
            number = 0
            while True:
                (folder / str(number)).touch()
                number += 1
        self._fill(fill)

    def give_back(self):
        """What was taken is there again."""
        for path in self._folder().iterdir():
            path.unlink()

    def _folder(self) -> pathlib.Path:
        return self._path / "filler"

    def _fill(self, fill):
        self._folder().mkdir(exist_ok=True)
        try:
            fill(self._folder())
        except OSError as error:
            assert error.errno == 28, error  # ENOSPC
        else:
            raise AssertionError("the disk does not get full")

    @staticmethod
    def _write(path):
        with open(path, "wb", buffering=0) as file:
            while True:
                file.write(_PIECE)


def unmount_below(folder: pathlib.Path):
    """What lies in another goes first: with that one it would be gone, and nothing to unmount."""
    for line in reversed(pathlib.Path("/proc/self/mounts").read_text().splitlines()):
        if line.split(" ")[1].startswith(f"{folder}/"):
            subprocess.run(["umount", "--lazy", line.split(" ")[1]], check=True)
