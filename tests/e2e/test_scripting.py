"""The examples of docs/SCRIPTING.md, run as they stand there."""

import os
import re
import subprocess
import tempfile

import harness
import world

PAGE = (harness.ROOT / "docs" / "SCRIPTING.md").read_text(encoding="utf-8")
MARK = "\1 next"


def examples():
    """Each example's title and its steps: the text of a command, and the lines it prints."""
    for section in PAGE.split("\n### ")[1:]:
        title, body = section.split("\n", 1)
        steps, command = [], False
        for line in re.findall(r"^    (.*)$", body, re.MULTILINE):
            if line.startswith("$ "):
                steps.append(([line[2:]], []))
                end = re.search(r"<<'(\w+)'$", line)
                command = end and end[1]
            elif command:
                steps[-1][0].append(line)
                command = None if line == command else command
            else:
                steps[-1][1].append(line)
        yield title, steps


class Scripting(world.TestCase):
    def run_steps(self, steps):
        """What each command printed, on both streams, in one shell."""
        script = "".join("\n".join(command) + f"\nstatus=$?; sleep 0.2; echo $'{MARK}'; "
                         "(exit $status)\n" for command, _ in steps)
        script = script.replace("\1", "\\1")
        with tempfile.TemporaryDirectory() as folder:
            bin_folder = os.path.join(folder, "bin")
            os.mkdir(bin_folder)
            os.symlink(harness.BIN, os.path.join(bin_folder, "adminex"))
            os.symlink(harness.psql(), os.path.join(bin_folder, "psql"))
            done = subprocess.run(
                ["bash", "-c", script], cwd=folder, text=True, encoding="utf-8",
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                timeout=harness.TIMEOUT, check=False,
                env={"PATH": f"{bin_folder}:{os.environ['PATH']}", "HOME": folder,
                     "PGHOST": self.cluster.directory, "PGUSER": "postgres",
                     "PGDATABASE": self.database})
        return done.stdout.split(MARK + "\n")[:-1]

    def test_there_are_ten_examples(self):
        self.assertGreaterEqual(len(list(examples())), 10)

    def test_examples(self):
        for title, steps in examples():
            with self.subTest(example=title):
                self.sql(world.WORLD)
                self.sql("DELETE FROM users WHERE host <> 'example.org'")
                printed = self.run_steps(steps)
                self.assertEqual(len(printed), len(steps))
                for (command, want), got in zip(steps, printed):
                    self.assertEqual(got.splitlines(), want, "\n".join(command))


if __name__ == "__main__":
    harness.main()
