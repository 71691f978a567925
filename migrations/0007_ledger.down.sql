-- Forgets all requests, open ones too, and what the ledger proved.
DROP FUNCTION adminex.grant_roles();
ALTER FUNCTION adminex.grant_roles_0006() RENAME TO grant_roles;
DROP TABLE adminex.gdpr_subjects;
DROP FUNCTION adminex.gdpr_ledger_hash(adminex.gdpr_ledger);
DROP FUNCTION adminex.gdpr_ledger_field(text);
DROP TABLE adminex.gdpr_ledger;
DROP FUNCTION adminex.gdpr_ledger_append();
DROP FUNCTION adminex.gdpr_ledger_refuse();
