"""For the tests of the drop-ins: an original and ours in one environment, installed as a site does it."""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

MANAGE = "import sys; from django.core.management import execute_from_command_line as run; run(['manage.py', *sys.argv[1:]])"
ASK = "import django; django.setup(); from django.test import Client; print(Client().get('/').status_code)"


def wheel_of(distribution):
    """The wheel that a distribution was installed from."""
    told = metadata.distribution(distribution).read_text("direct_url.json")
    assert told, f"install {distribution} from its wheel (scripts/wheels): this test installs it elsewhere as well"
    return Path(unquote(urlsplit(json.loads(told)["url"]).path))


class Environment:
    """A virtual environment with Django and the core, and a site in it."""

    def __init__(self, folder, settings):
        import django

        self.folder, self.python = folder, str(folder / "venv" / "bin" / "python")
        (folder / "site_of_it.py").write_text(settings)
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        self.pip("install", f"django=={django.__version__}", str(wheel_of("backsoon")))

    def pip(self, *words):
        self._run("-m", "pip", "--quiet", "--disable-pip-version-check", *words)

    def check(self):
        """What `manage.py check` says, and whether it is content."""
        done = self._run("-c", MANAGE, "check", accept=(0, 1))
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        return said

    def status(self):
        return self._run("-c", ASK).stdout.strip()

    def follow(self, hint, wheel):
        """Does what a hint says; ours comes from its wheel, since it may be on no index yet."""
        steps = re.findall(r"pip ((?:un)?install [^,\n]*[^,\n .])", hint)
        assert len(steps) == 2, hint
        for step in steps:
            verb, *words = step.split()
            words = [str(wheel) if word.startswith("backsoon") else word for word in words]
            self.pip(verb, *(["--yes"] if verb == "uninstall" else []), *words)

    def _run(self, *words, accept=(0,)):
        environment = {"PYTHONPATH": str(self.folder), "DJANGO_SETTINGS_MODULE": "site_of_it", "HOME": str(self.folder)}
        done = subprocess.run([self.python, *words], env=environment, capture_output=True, text=True, timeout=300, cwd=self.folder)
        assert done.returncode in accept, done.stdout + done.stderr
        return done


def replace_each_other(environment, original, ours, id):
    """Both orders end in a site that says what is wrong, and whose hint mends it."""
    wheel, (name, _, _) = wheel_of(ours), original.partition("==")
    for order in ((wheel, original), (original, wheel)):
        for distribution in order:
            environment.pip("install", str(distribution))
        said = environment.check()
        assert id in said and f"{name} is still installed" in said, said
        environment.follow(said, wheel)
        assert "no issues" in environment.check() and environment.status() == "200"
        environment.pip("uninstall", "--yes", ours)
