"""What happens at the same moment as a command, and must not be lost or let through."""

import subprocess
import unittest

import harness


class Races(harness.TestCase):
    fresh_database = True

    def holding(self, script):
        """A psql with an open transaction that has done `script`; commit it by commit()."""
        child = subprocess.Popen(
            [harness.psql(), "-Xqt", "--set=ON_ERROR_STOP=1", "-d", self.dsn],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "PGOPTIONS": "-c search_path=adminex"})
        child.stdin.write(f"BEGIN; {script}; \\echo done\n".encode())
        child.stdin.flush()
        self.assertEqual(child.stdout.readline(), b"done\n")
        self.addCleanup(child.wait)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stdin.close)
        return child

    def commit(self, child):
        child.stdin.write(b"COMMIT;\n")
        child.stdin.close()
        self.assertEqual(child.wait(), 0)

    def wait_for_lock(self):
        harness.wait_until(lambda: self.sql(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND application_name = 'adminex' AND datname = current_database()"))

    def test_who_logs_in_meanwhile_is_not_deleted(self):
        self.account("orsino")
        self.account("viola")
        self.sql("UPDATE users SET created_at = now() - interval '900 days'")
        login = self.holding("INSERT INTO sessions (host, username, resource)"
                             " VALUES ('example.org', 'orsino', 'phone')")
        command = self.spawn("delete_old_users", "365")
        self.wait_for_lock()
        self.commit(login)
        self.ok(command.wait(), 'Deleted 1 users: [{<<"viola">>,<<"example.org">>}]')
        self.assertEqual(self.sql("SELECT username FROM sessions"), [["orsino"]])

    def comes_back(self, how):
        """Orsino does, while both are being deleted: the bet is lost, and only Viola goes."""
        self.account("orsino")
        self.account("viola")
        self.sql("UPDATE users SET created_at = now() - interval '900 days';"
                 "INSERT INTO last_activity (host, username, last_at)"
                 " SELECT host, username, now() - interval '800 days' FROM users")
        coming = self.holding(
            "DO 'BEGIN PERFORM FROM users WHERE username = ''orsino'' FOR UPDATE; END'; " + how)
        command = self.spawn("delete_old_users", "365")
        self.wait_for_lock()
        self.commit(coming)
        result = command.wait()
        self.assertEqual((result.status, result.text),
                         (0, 'Deleted 1 users: [{<<"viola">>,<<"example.org">>}]\n'), result)
        self.assertEqual(self.sql("SELECT username FROM users"), [["orsino"]])
        self.assertEqual(self.sql("SELECT username FROM outbox"), [["viola"]])
        self.assertEqual(self.value("SELECT count(*) FROM audit_log"
                                    " WHERE command = 'delete_old_users'"), "1")

    def test_who_was_seen_meanwhile_is_not_deleted(self):
        self.comes_back("UPDATE last_activity SET last_at = now() WHERE username = 'orsino'")

    def test_who_is_held_meanwhile_is_not_deleted(self):
        self.comes_back("INSERT INTO legal_holds (host, username, reason, held_by)"
                        " VALUES ('example.org', 'orsino', 'claim', 'admin')")

    def test_a_contact_added_meanwhile_keeps_name_and_groups(self):
        self.account("orsino")
        self.account("viola")
        adding = self.holding("INSERT INTO roster_items (host, username, jid, nick, groups) VALUES"
                              " ('example.org', 'orsino', 'viola@example.org', 'Vi', '{Friends}')")
        command = self.spawn("push_roster_alltoall", "example.org", "Everybody")
        self.wait_for_lock()
        self.commit(adding)
        self.ok(command.wait(), "")
        self.assertEqual(self.sql("SELECT username, nick, subscription, groups FROM roster_items"
                                  " ORDER BY 1"),
                         [["orsino", "Vi", "B", "{Friends,Everybody}"],
                          ["viola", "orsino", "B", "{Everybody}"]])

    def test_of_two_new_passwords_one_is_left(self):
        self.account("orsino")
        self.sql("UPDATE credentials SET mechanism = 'SCRAM-SHA-1',"
                 " stored_key = substr(stored_key, 1, 20), server_key = substr(server_key, 1, 20)")
        other = self.file("other.conf", 'password = { mechanism = "SCRAM-SHA-512"; };\n')
        lock = self.holding("UPDATE users SET created_at = created_at")
        first = self.spawn("change_password", "orsino", "example.org", "one")
        second = self.spawn("change_password", "orsino", "example.org", "two",
                            options=["-c", other])
        self.wait_for_lock()
        self.commit(lock)
        self.succeeds(first.wait())
        self.succeeds(second.wait())
        self.assertEqual(self.value("SELECT count(*) FROM credentials"), "1")


if __name__ == "__main__":
    unittest.main()
