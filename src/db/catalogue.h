/* The statements of sql/, built into the program: one table a backend. */
#ifndef ADMINEX_CATALOGUE_H
#define ADMINEX_CATALOGUE_H

#include "sql_catalogue.h"

enum sql_kind { SQL_ONE_KIND, SQL_MANY_KIND, SQL_VALUE_KIND, SQL_EXEC_KIND };

enum sql_scope { SCOPE_NONE, SCOPE_ACCOUNT, SCOPE_HOST, SCOPE_ALL };

/* What rows depend on or a write changes: by the parameters that name it, from 1; 0 is none. */
struct sql_reach {
	enum sql_scope scope;
	int host, username;
};

struct sql_statement {
	const char *name;
	int params;
	enum sql_kind kind;
	const char *file;
	int line;
	const char *text;
	struct sql_reach cached, drops;
};

extern const struct sql_statement SQL_CATALOGUE[BACKEND_COUNT][SQL_COUNT];

#endif
