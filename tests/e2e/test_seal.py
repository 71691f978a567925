"""Sealed documents as who receives them sees them: gdpr_verify, and the same with public tools
alone: openssl, sha256sum, unzip, parsers of JSON and XML, a validator of JSON Schema.

The documents are those of seal.c, which writes what an exporter would, at any size."""

import csv
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree
import zipfile

import daemon
import harness
import test_library
import world
from world import HOST

try:
    import jsonschema
except ImportError:
    # Debian's package is for Debian's own Python.
    sys.path.append("/usr/lib/python3/dist-packages")
    import jsonschema

FORMS = ["json", "ndjson", "xml", "zip"]
TAIL = re.compile(rb"sha256:([0-9a-f]{64})(?:[^0-9a-z]+(?:signature[^0-9a-z]+)?"
                  rb"(ed25519:[0-9a-f]{64}):([0-9a-f]{128}))?[^0-9a-f]*(</seal>\n</server-data>\n)?\Z")
ENDS = {"json": b'"\n}\n', "ndjson": b'"}\n', "xml": b'"}</seal>\n</server-data>\n', "zip": b"\n"}
CONTACTS = 3


def openssl(*args, **how):
    return subprocess.run(["openssl", *map(str, args)], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **how).stdout


def schema():
    return json.loads((harness.ROOT / "docs/schema/personal-data-1.json").read_text())


def validate(document, definition=None):
    """Against the published schema, or one of its definitions."""
    judge = schema()
    if definition:
        judge = {"$schema": judge["$schema"], "$defs": judge["$defs"],
                 "$ref": f"#/$defs/{definition}"}
    jsonschema.Draft202012Validator.check_schema(judge)
    jsonschema.Draft202012Validator(judge).validate(document)


class Base(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = str(cls.tmp / "seal")
        headers = subprocess.run(["pkg-config", "--cflags", "libxml-2.0"], check=True,
                                 stdout=subprocess.PIPE).stdout.decode().split()
        test_library.build(cls.program, "seal.c", "-D_GNU_SOURCE", *headers,
                           *(f"-I{folder}" for folder in (
                               harness.ROOT / "src", harness.ROOT / "tests" / "unit",
                               harness.BIN.parent / "gen")))
        cls.key, cls.public = cls.tmp / "sign.pem", cls.tmp / "sign.pub"
        openssl("genpkey", "-algorithm", "ed25519", "-out", cls.key)
        cls.key.chmod(0o600)
        openssl("pkey", "-in", cls.key, "-pubout", "-out", cls.public)

    def launch(self, form, path, *options, contacts=CONTACTS, **how):
        return subprocess.Popen([self.program, form, str(contacts), str(path), *map(str, options)],
                                stderr=subprocess.PIPE, **how)

    def seal(self, form, *options, contacts=CONTACTS, name="document"):
        """A new document: its path."""
        path = self.tmp / f"{name}.{form}"
        with self.launch(form, path, *options, contacts=contacts) as run:
            said = run.stderr.read().decode()
        self.assertEqual(run.returncode, 0, said)
        return path

    def refuses(self, pattern, *options):
        """No document is written, for a reason."""
        path = self.tmp / "refused.json"
        with self.launch("json", path, *options) as run:
            said = run.stderr.read().decode()
        self.assertEqual(run.returncode, 1, said)
        self.assertRegex(said, pattern)
        self.assertFalse(path.exists())

    def verify(self, path, *options, **how):
        return self.adminex("gdpr_verify", path, *options, **how)


def manifest_of(form, path):
    """The manifest as anybody would read it."""
    if form == "json":
        return json.loads(path.read_text())["manifest"]
    if form == "ndjson":
        return json.loads(path.read_text().split("\n")[-3])["manifest"]
    if form == "zip":
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("manifest.json"))
    seal = xml.etree.ElementTree.parse(path).getroot()[-1]
    assert (seal.tag, len(seal)) == ("{urn:adminex:seal:1}seal", 0)
    return json.loads(seal.text)["manifest"]


class Format(Base):
    """What docs/VERIFY.md says of the documents is true without any of our code."""

    def test_the_digest_is_of_all_bytes_before_it(self):
        for form in FORMS:
            for options in ((), ("--sign", self.key)):
                data = self.seal(form, *options).read_bytes()
                found = TAIL.search(data)
                self.assertEqual(found[1].decode(),
                                 hashlib.sha256(data[:found.start(1)]).hexdigest())
                self.assertEqual(found[2] is not None, bool(options))
                self.assertTrue(data.endswith(ENDS[form]))

    def test_openssl_checks_the_signature(self):
        for form in FORMS:
            found = TAIL.search(self.seal(form, "--sign", self.key).read_bytes())
            signed, signature = self.tmp / "signed", self.tmp / "signature"
            signed.write_bytes(b"adminex-personal-data-1\nsha256:" + found[1] + b"\n")
            signature.write_bytes(bytes.fromhex(found[3].decode()))
            said = openssl("pkeyutl", "-verify", "-pubin", "-inkey", self.public, "-rawin", "-in",
                           signed, "-sigfile", signature)
            self.assertEqual(said, b"Signature Verified Successfully\n")
            raw = openssl("pkey", "-pubin", "-in", self.public, "-outform", "DER")[-32:]
            self.assertEqual(found[2].decode(), "ed25519:" + raw.hex())

    def test_the_commands_of_the_page_do_the_same(self):
        page = (harness.ROOT / "docs/VERIFY.md").read_text()
        code = re.search(r"```sh\nfile=romeo.json\n(.*?)```", page, re.S)[1]
        for form in FORMS:
            path = self.seal(form, "--sign", self.key)
            for altered in (False, True):
                data = bytearray(path.read_bytes())
                data[100] ^= altered
                path.write_bytes(data)
                done = subprocess.run(["sh", "-c", f"file={path.name}\n{code}"], cwd=self.tmp,
                                      stdout=subprocess.PIPE, check=True)
                self.assertEqual(done.stdout.decode(), "intact\n" * (not altered) +
                                 "Signature Verified Successfully\n")

    def test_sections_are_where_the_manifest_says(self):
        for form in ("json", "ndjson", "xml"):
            path = self.seal(form)
            data = path.read_bytes()
            for section in manifest_of(form, path)["sections"]:
                if section["state"] == "unavailable":
                    continue
                part = data[section["offset"]:][:section["bytes"]]
                self.assertEqual(hashlib.sha256(part).hexdigest(), section["sha256"])
                if form == "json":
                    rows = json.loads(part)
                    self.assertEqual(rows, json.loads(data)["data"][section["name"]])
                elif form == "ndjson":
                    rows = [json.loads(line) for line in part.splitlines()]
                    self.assertTrue(all(row["section"] == section["name"] for row in rows))
                else:
                    rows = [1]
                    self.assertEqual(data[len(part):][:6], b"<seal ")
                self.assertEqual(len(rows), section["rows"])

    def test_files_of_the_archive_are_what_the_manifest_says(self):
        path = self.seal("zip", "--sign", self.key)
        sections = {s["file"]: s for s in manifest_of("zip", path)["sections"] if "file" in s}
        with zipfile.ZipFile(path) as archive:
            self.assertIsNone(archive.testzip())
            self.assertEqual(archive.namelist(), [*sections, "manifest.json"])
            for name, section in sections.items():
                data = archive.read(name)
                self.assertEqual((len(data), hashlib.sha256(data).hexdigest()),
                                 (section["bytes"], section["sha256"]))
                rows = list(csv.reader(io.StringIO(data.decode())))
                self.assertEqual(len(rows) - 1, section["rows"])
        done = subprocess.run(["unzip", "-tq", path], stdout=subprocess.PIPE, check=True)
        self.assertIn(b"No errors detected", done.stdout)

    def test_json_is_valid_by_the_published_schema(self):
        for options in ((), ("--sign", self.key)):
            validate(json.loads(self.seal("json", *options).read_text()))

    def test_every_manifest_is_valid_by_it(self):
        for form in FORMS:
            validate(manifest_of(form, self.seal(form, "--sign", self.key)), "manifest")

    def test_the_schema_refuses_what_is_no_document(self):
        good = json.loads(self.seal("json", "--sign", self.key).read_text())
        sections = good["manifest"]["sections"]
        for wrong in (
                {**good, "more": 1}, {**good, "format_version": 2}, {**good, "digest": "sha256:0"},
                {k: v for k, v in good.items() if k != "manifest"},
                {k: v for k, v in good.items() if k != "signature"},
                {**good, "subject": {"host": HOST}}, {**good, "scope": "all"},
                {**good, "data": {"roster": [1]}}, {**good, "generated_at": "yesterday"},
                *({**good, "manifest": {**good["manifest"], "sections": [{**sections[i], **bad}]}}
                  for i, bad in ((0, {"rows": 0}), (2, {"rows": 1}), (3, {"bytes": 0}),
                                 (0, {"file": "a.csv"}), (0, {"state": "new"}),
                                 (0, {"sha256": "A" * 64})))):
            with self.assertRaises(jsonschema.ValidationError):
                validate(wrong)

    def test_names_in_the_archive_are_its_own(self):
        """No name leads out of the folder it is unpacked in."""
        with zipfile.ZipFile(self.seal("zip")) as archive:
            for name in archive.namelist():
                self.assertRegex(name, r"\A[a-z_]+\.(csv|json)\Z")


class Verify(Base):
    def test_gdpr_verify_says_what_it_found(self):
        for form in FORMS:
            path = self.seal(form)
            digest = TAIL.search(path.read_bytes())[1].decode()
            what = "1 sections, 1 rows" if form == "xml" else "4 sections, 4 rows"
            self.ok(self.verify(path), f"The document is intact: romeo@example.org, {what}, "
                                       f"sha256:{digest}, not signed")

    def test_gdpr_verify_needs_no_database(self):
        path = self.seal("json")
        self.succeeds(self.verify(path, options=["--dsn", "host=/nonexistent"]))

    def test_gdpr_verify_lists_the_sections(self):
        reply = self.verify(self.seal("json"), options=["--json"]).json()
        self.assertEqual(reply["status"], "ok")
        self.assertEqual([(s["section"], s["state"], s["rows"], s["check"])
                          for s in reply["result"]],
                         [("account", "present", 1, "intact"), ("roster", "present", 3, "intact"),
                          ("private", "empty", 0, "intact"), ("archive", "unavailable", 0, "")])

    def test_gdpr_verify_names_the_altered_section(self):
        for form in ("json", "ndjson"):
            path = self.seal(form)
            path.write_bytes(path.read_bytes().replace(b"contact2@", b"contact9@"))
            self.no(self.verify(path), "The document is not as it was made: section 'roster' was "
                                       "altered")
            reply = self.verify(path, options=["--json"])
            self.assertEqual(reply.status, 1)
            self.assertEqual(reply.json()["status"], "altered")
            self.assertEqual([s["check"] for s in reply.json()["result"]],
                             ["intact", "altered", "intact", ""])

    def test_gdpr_verify_names_the_altered_file_of_an_archive(self):
        path = self.seal("zip", contacts=500)
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo("roster.csv")
        data = bytearray(path.read_bytes())
        data[info.header_offset + 100] ^= 1
        path.write_bytes(data)
        self.no(self.verify(path),
                "The document is not as it was made: section 'roster' was altered")

    def test_gdpr_verify_of_an_archive_packed_anew(self):
        """The same files and manifest, but not the archive that was handed over."""
        path = self.seal("zip")
        again = self.tmp / "again.zip"
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(again, "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
            new.comment = old.comment
        self.no(self.verify(again), "The document is not as it was made: bytes outside of its "
                                    "sections were altered")

    def test_gdpr_verify_of_what_was_cut_off(self):
        path = self.seal("json")
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        self.no(self.verify(path), "The document is not whole: it has no seal at its end: it was "
                                   "cut off, or altered there")
        path.write_bytes(whole + b"\n")
        self.no(self.verify(path), "The document is not whole: it has no seal at its end: it was "
                                   "cut off, or altered there")

    def test_gdpr_verify_of_other_files(self):
        for name in ("legacy.xml", "README.md", "templates/small.json"):
            self.no(self.verify(harness.DATA / name),
                    "This is no sealed document: it has no seal at its end: it never had one, was "
                    "cut off, or altered there")
        self.fails(self.verify(self.tmp / "missing"), 1, "cannot read '.*missing': No such file")
        self.fails(self.verify(self.tmp), 1, "cannot read the document: Is a directory")
        self.fails(self.verify(""), 1, "empty file name")
        self.fails(self.adminex("gdpr_verify"), 2, "requires 1 more argument")

    def test_gdpr_verify_with_a_public_key(self):
        other = self.tmp / "other.pub"
        openssl("pkey", "-pubout", "-out", other, input=openssl("genpkey", "-algorithm", "ed25519"))
        raw = openssl("pkey", "-pubin", "-in", self.public, "-outform", "DER")[-32:].hex()
        for form in FORMS:
            path = self.seal(form, "--sign", self.key)
            for options in ((), ("--public-key", self.public)):
                result = self.verify(path, *options)
                self.succeeds(result)
                self.assertRegex(result.text, f", signed by ed25519:{raw}\n\\Z")
            self.no(self.verify(path, "--public-key", other),
                    f"The document is intact, but signed with another key: ed25519:{raw}")
            self.no(self.verify(self.seal(form), "--public-key", self.public),
                    "The document is intact, but not signed")

    def test_gdpr_verify_with_what_is_no_public_key(self):
        path = self.seal("json", "--sign", self.key)
        for key, why in ((self.key, "holds no public key in PEM"), (path, "holds no public key"),
                         (self.tmp / "missing", "No such file"), ("/dev/null", "holds no public")):
            self.fails(self.verify(path, "--public-key", key), 1, why)

    def test_gdpr_verify_of_standard_input(self):
        for form in ("json", "ndjson", "xml"):
            path = self.seal(form, contacts=1000)
            self.succeeds(self.verify("-", stdin=path.read_bytes()))
            data = path.read_bytes().replace(b"contact77@", b"contact78@")
            result = self.verify("-", stdin=data)
            self.assertEqual(result.status, 1)
            self.assertIn("not as it was made", result.text)
        self.fails(self.verify("-", stdin=self.seal("zip").read_bytes()), 1,
                   "an archive can be checked as a file only")

    def test_gdpr_verify_in_a_batch(self):
        path = self.seal("json")
        result = self.adminex("batch", "-", stdin=f"gdpr_verify {path}\ngdpr_verify -\n".encode())
        first, second = result.ndjson()[:2]
        self.assertEqual((first["status"], len(first["result"])), ("ok", 4))
        self.assertIn("standard input has the lines", second["message"])

    def test_gdpr_verify_does_not_print_what_controls_a_terminal(self):
        path = self.seal("ndjson")
        lines = path.read_bytes().split(b"\n")
        lines[-3] = lines[-3].replace(b'"name":"roster"', b'"name":"\\u001b[2J"')
        path.write_bytes(b"\n".join(lines))
        self.no(self.verify(path), "The document is not as it was made: its manifest cannot be "
                                   "read: it has control characters")

    @unittest.skipIf(harness.SANITIZED, "the sanitizers' memory is not ours")
    def test_gdpr_verify_has_flat_memory(self):
        small, big = self.seal("json"), self.seal("json", contacts=600000, name="big")
        self.assertGreater(big.stat().st_size, 50 << 20)
        grown = (self.peak_kb("gdpr_verify", big, timeout=300) -
                 self.peak_kb("gdpr_verify", small))
        self.assertLess(grown, 16 << 10)

    def test_random_changes_of_a_big_document(self):
        choose = random.Random(5)
        for form in FORMS:
            path = self.seal(form, "--sign", self.key, contacts=20000, name="random")
            data = path.read_bytes()
            for _ in range(8):
                at = choose.randrange(len(data))
                changed = bytearray(data)
                changed[at] ^= 1 << choose.randrange(8)
                for altered in (changed, data[:at] + data[at + 1:], data[:at],
                                data[:at] + bytes([choose.randrange(256)]) + data[at:]):
                    path.write_bytes(altered)
                    self.assertEqual(self.verify(path).status, 1, f"{form}, byte {at}")


class Imported(world.TestCase, Base):
    def test_a_sealed_document_is_imported(self):
        for options in ((), ("--sign", self.key)):
            self.setUp()
            path = self.seal("xml", *options)
            self.succeeds(self.adminex("import", "--replace", path))
            self.assertEqual(len(self.sql("SELECT jid FROM roster_items WHERE username = 'romeo'")),
                             CONTACTS)


class Served(daemon.TestCase, Base):
    shared = {}

    def test_gdpr_verify_by_http_takes_the_document(self):
        for form in ("json", "ndjson", "xml"):
            text = self.seal(form, "--sign", self.key).read_text()
            here = self.verify(self.tmp / f"document.{form}", options=["--json"]).json()
            for more in ({}, {"public_key": self.public.read_text()}, {"file_format": "text"}):
                reply = self.server.post("gdpr_verify", {"file": text, **more})
                self.assertEqual(reply.status, 200)
                self.assertEqual(reply.json(), here)
            reply = self.server.post("gdpr_verify", {"file": text.replace("Art.", "art.")})
            self.assertEqual(reply.json()["status"], "altered")

    def test_gdpr_verify_by_http_names_no_file_of_the_daemon(self):
        path = self.seal("json", "--sign", self.key)
        reply = self.server.post("gdpr_verify", {"file": str(path)})
        self.assertEqual(reply.json()["status"], "no_seal")
        reply = self.server.post("gdpr_verify", {"file": path.read_text(),
                                                 "public_key": str(self.public)})
        self.assertEqual(reply.json()["message"],
                         "'public_key' holds no public key in PEM")

    def test_gdpr_verify_through_a_socket(self):
        for form in ("json", "ndjson", "xml"):
            path = self.seal(form, "--sign", self.key)
            for options in ([], ["--json"]):
                for key in ((), ("--public-key", self.public)):
                    here = self.verify(path, *key, options=options)
                    there = self.verify(path, *key,
                                        options=["--socket", self.server.socket, *options])
                    self.assertEqual((here.status, here.out, here.err),
                                     (there.status, there.out, there.err))
        self.fails(self.verify(self.seal("zip"), options=["--socket", self.server.socket]), 1,
                   "document.zip' is not UTF-8")


class Sign(Base):
    def test_keys_that_are_refused(self):
        loose = self.tmp / "loose.pem"
        shutil.copy(self.key, loose)
        loose.chmod(0o640)
        self.refuses("the private key '.*loose.pem' is open to others than its owner", "--sign",
                     loose)
        rsa = self.tmp / "rsa.pem"
        openssl("genpkey", "-algorithm", "rsa", "-out", rsa)
        rsa.chmod(0o600)
        self.refuses("the private key '.*rsa.pem' is RSA, not Ed25519", "--sign", rsa)
        locked = self.tmp / "locked.pem"
        openssl("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:x", "-out", locked)
        locked.chmod(0o600)
        self.refuses("the private key '.*locked.pem' has a passphrase", "--sign", locked)
        self.refuses("holds no private key in PEM|open to others", "--sign", self.public)


class Encrypt(Base):
    def certificate(self, name, *options, days=30):
        """The paths of a certificate and its key."""
        cert, key = self.tmp / f"{name}.crt", self.tmp / f"{name}.key"
        openssl("req", "-x509", *options, "-nodes", "-keyout", key, "-out", cert, "-subj",
                "/CN=officer", "-days", days)
        return cert, key

    def rsa(self, *options):
        return self.certificate("rsa", "-newkey", "rsa:2048", *options)

    def ec(self, curve="P-256"):
        return self.certificate("ec", "-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{curve}")

    def decrypt(self, path, key, out="clear"):
        clear = self.tmp / out
        openssl("cms", "-decrypt", "-inform", "DER", "-in", path, "-inkey", key, "-out", clear)
        return clear

    def test_openssl_decrypts_it_and_the_seal_is_inside(self):
        for cert, key in (self.rsa(), self.ec(), self.ec("P-521")):
            for form in FORMS:
                path = self.seal(form, "--encrypt-to", cert, "--sign", self.key, contacts=2000)
                for word in (b"romeo", b"contact", b"manifest", b"sha256:"):
                    self.assertNotIn(word, path.read_bytes())
                clear = self.decrypt(path, key)
                self.ok(self.verify(clear, "--public-key", self.public))
                self.no(self.verify(path), None)

    def test_it_is_aes_256_gcm_and_no_old_padding(self):
        for (cert, _), wants in ((self.rsa(), "rsaesOaep"), (self.ec(), "dhSinglePass")):
            path = self.seal("json", "--encrypt-to", cert)
            said = openssl("cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in",
                           path).decode()
            self.assertIn("id-smime-ct-authEnvelopedData", said)
            self.assertIn("aes-256-gcm", said)
            self.assertIn(wants, said)
            self.assertNotIn("sha1", said.lower())

    def test_openssl_finds_an_altered_byte(self):
        cert, key = self.ec()
        path = self.seal("json", "--encrypt-to", cert)
        data = path.read_bytes()
        for at in (len(data) // 2, len(data) - 8):
            changed = bytearray(data)
            changed[at] ^= 1
            path.write_bytes(changed)
            with self.assertRaises(subprocess.CalledProcessError):
                self.decrypt(path, key)

    def test_nobody_else_decrypts_it(self):
        cert, _ = self.ec()
        path = self.seal("json", "--encrypt-to", cert)
        _, other = self.certificate("other", "-newkey", "ec", "-pkeyopt",
                                    "ec_paramgen_curve:P-256")
        with self.assertRaises(subprocess.CalledProcessError):
            self.decrypt(path, other)

    def test_decrypted_into_gdpr_verify_nothing_clear_is_stored(self):
        cert, key = self.rsa()
        path = self.seal("json", "--encrypt-to", cert)
        clear = openssl("cms", "-decrypt", "-inform", "DER", "-in", path, "-inkey", key)
        self.succeeds(self.verify("-", stdin=clear))

    def test_certificates_that_are_refused(self):
        small, _ = self.certificate("small", "-newkey", "rsa:1024")
        self.refuses("the RSA key of certificate '.*small.crt' has less than 2048 bits",
                     "--encrypt-to", small)
        signs, _ = self.certificate("signs", "-newkey", "ed25519")
        self.refuses("the key of certificate '.*signs.crt' can receive nothing", "--encrypt-to",
                     signs)
        usage, _ = self.rsa("-addext", "keyUsage=digitalSignature")
        self.refuses("is not for encryption, as its key usage says", "--encrypt-to", usage)
        good, _ = self.rsa("-addext", "keyUsage=keyEncipherment")
        self.seal("json", "--encrypt-to", good)
        self.refuses("holds no certificate in PEM", "--encrypt-to", self.public)
        self.refuses("cannot read '.*missing': No such file", "--encrypt-to", self.tmp / "missing")

    def test_a_certificate_that_has_expired(self):
        key, request, cert = (self.tmp / f"old.{end}" for end in ("key", "csr", "crt"))
        openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request,
                "-subj", "/CN=officer")
        openssl("x509", "-req", "-in", request, "-key", key, "-out", cert, "-days", "-1")
        self.refuses("the certificate '.*old.crt' has expired", "--encrypt-to", cert)

    def peak_kb(self, *args):  # pylint: disable=arguments-differ
        """What the program said of itself. A shell in between keeps this process's size out."""
        done = subprocess.run(["sh", "-c", '"$0" "$@" >/dev/null; exit $?', self.program,
                               *map(str, args)], stderr=subprocess.PIPE, check=True)
        return int(done.stderr.split()[-1])

    @unittest.skipIf(harness.SANITIZED, "the sanitizers' memory is not ours")
    def test_memory_is_flat(self):
        cert, _ = self.ec()
        for form in FORMS:
            options = (form, "-", "--encrypt-to", cert, "--sign", self.key)
            small = self.peak_kb(form, 1, *options[1:])
            big = self.peak_kb(form, 200000, *options[1:])
            self.assertLess(big - small, 8 << 10, form)


class Killed(Base):
    """SIGKILL at any moment: no file, the old file, or the whole new one, and nothing else."""

    ROUNDS = 8 if harness.SANITIZED else 20

    def duration(self, form, path, options):
        began = time.monotonic()
        with self.launch(form, path, *options, contacts=20000) as run:
            run.stderr.read()
        self.assertEqual(run.returncode, 0)
        return time.monotonic() - began

    def kill_at_random(self, form, *options, old=None):
        folder = self.tmp / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        path = folder / f"data.{form}"
        longest = self.duration(form, path, options) * 1.2
        whole = interrupted = 0
        for _ in range(self.ROUNDS):
            path.unlink(missing_ok=True)
            if old is not None:
                path.write_bytes(old)
            with self.launch(form, path, *options, contacts=20000) as run:
                time.sleep(random.random() * longest)
                run.send_signal(signal.SIGKILL)
                run.stderr.read()
            interrupted += run.returncode != 0
            self.assertEqual(os.listdir(folder), [path.name] if path.exists() else [])
            if path.exists() and path.read_bytes() != old:
                self.succeeds(self.verify(path))
                whole += 1
            else:
                self.assertNotEqual(run.returncode, 0)
        self.assertGreater(interrupted, 0)
        return whole

    def test_of_a_new_file(self):
        self.kill_at_random("json")
        self.kill_at_random("zip")

    def test_of_a_file_that_is_there(self):
        self.kill_at_random("json", "--sign", self.key, old=b"the old file")
        self.kill_at_random("xml", old=b"the old file")


if __name__ == "__main__":
    unittest.main()
