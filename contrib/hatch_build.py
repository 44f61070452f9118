"""The wheel's build hook: man pages and completion scripts, made from their one source and installed under share/."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_COMPLETIONS = {
    "bash": "share/bash-completion/completions/snapfs",
    "zsh": "share/zsh/site-functions/_snapfs",
    "fish": "share/fish/vendor_completions.d/snapfs.fish",
}


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """hatchling looks for this name."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the files in a scratch directory and says where they are installed."""
        root = Path(self.root)
        self._scratch = Path(tempfile.mkdtemp(prefix="snapfs-build-"))
        sys.path.insert(0, str(root))
        try:
            spec = importlib.util.spec_from_file_location("man_build", root / "contrib/man/build.py")
            assert spec is not None
            assert spec.loader is not None
            pages = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(pages)
            for page in pages.build(self._scratch):
                build_data["shared_data"][str(page)] = f"share/man/man{page.suffix[1:]}/{page.name}"
            from snapfs.cli.shells import script

            for shell, target in _COMPLETIONS.items():
                file = self._scratch / f"completion.{shell}"
                file.write_text(script(shell))
                build_data["shared_data"][str(file)] = target
        finally:
            sys.path.remove(str(root))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes the scratch directory."""
        shutil.rmtree(self._scratch)
