DROP TABLE adminex.nodes;
DROP TABLE adminex.audit_log;
DROP TABLE adminex.outbox;
