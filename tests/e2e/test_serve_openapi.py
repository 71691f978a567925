"""What /openapi.json says, held against published schemas and against what the daemon does."""

import json
import subprocess

import daemon
import harness
import test_batch
import test_contract

CHECK = harness.ROOT / "tests" / "e2e" / "openapi_check.py"


class OpenAPI(daemon.TestCase):
    example = test_batch.EachCommand.example
    examples = test_batch.EachCommand.examples
    refusals = test_batch.EachCommand.refusals

    def judge(self, document, *replies):
        """Debian's own Python judges: its packages are there."""
        path = self.file("openapi.json", document)
        lines = self.file("replies", "".join(json.dumps(reply) + "\n" for reply in replies))
        done = subprocess.run(["/usr/bin/python3", "-W", "ignore", CHECK, path, lines],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=harness.TIMEOUT)
        return done.returncode, done.stdout

    @staticmethod
    def line(method, path, reply):
        return {"method": method, "path": path, "status": reply.status,
                "headers": list(reply.headers.keys()), "body": reply.json()}

    def requests(self):
        """Each command with arguments that lead to a yes, and to each no."""
        for words in (*self.examples(), *self.refusals()):
            if words[0] not in daemon.NOT_NAMED and "/nowhere" not in words:
                path = [str(harness.ROOT / word) if word.startswith("tests/") else word
                        for word in words[1:]]
                yield words[0], daemon.fields(words[0], path)

    def test_the_document_is_valid(self):
        server = self.serve(self.dsn)
        reply = server.get("/openapi.json")
        self.assertEqual(self.judge(reply.body), (0, ""))
        # The judge is one.
        broken = reply.body.replace(b'"operationId":"unregister"', b'"operationId":"register"')
        self.assertNotEqual(self.judge(broken), (0, ""))

    def test_replies_are_as_described(self):
        test_contract.make_files(self)
        server = self.serve(self.dsn, http={"password_checks": 1, "max_body": 50000})
        document = server.get("/openapi.json").body
        found = [self.line("GET", path, server.get(path))
                 for path in ("/api", "/openapi.json", "/healthz", "/readyz")]
        nobody = {"Authorization": "Bearer nothing"}
        found += [self.line("GET", "/api", server.get("/api", nobody))]
        for command, fields in self.requests():
            path = f"/api/{command}"
            for body, headers in [(fields, None), ({**fields, "dry_run": True}, None),
                                  ({"no": "field"}, None), (fields, nobody),
                                  ({"no": "x" * 60000}, None)]:
                found.append(self.line("POST", path, server.post(command, body, headers)))
        statuses = {reply["status"] for reply in found}
        self.assertLessEqual({200, 400, 401, 404, 409, 413, 429}, statuses)
        self.assertEqual(self.judge(document, *found), (0, ""))
        # The judge is one of replies too.
        wrong = {"method": "POST", "path": "/api/check_account", "status": 200,
                 "headers": ["Adminex-Nothing"], "body": {"status": 7, "more": 1}}
        status, said = self.judge(document, wrong)
        self.assertEqual((status, said.count("\n")), (1, 4), said)
