#define XMLLIB_PLAIN_NAMES
#include "base/xmllib.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct xmllib xmllib_table;
once_flag xmllib_once = ONCE_FLAG_INIT;

/* libxml2 keeps the number in this name as long as its functions and structures stay what they are.
 */
static const char FILE_NAME[] = "libxml2.so.2";

static void
give_up(void)
{
	fprintf(stderr, "adminex: error while loading shared libraries: %s\n", dlerror());
	_exit(127);
}

static void *
find(void *library, const char *name)
{
	void *found = dlsym(library, name);

	if (found == NULL)
		give_up();
	return found;
}

void
xmllib_load(void)
{
	void *library = dlopen(FILE_NAME, RTLD_NOW);

	if (library == NULL)
		give_up();
#define XMLLIB_FIND(name) *(void **)&xmllib_table.name = find(library, #name);
	XMLLIB_FUNCTIONS(XMLLIB_FIND)
#undef XMLLIB_FIND
	*(void **)&xmllib_table.generic_error = find(library, "__xmlGenericError");
	*(void **)&xmllib_table.generic_error_context = find(library, "__xmlGenericErrorContext");
	*(void **)&xmllib_table.structured_error = find(library, "__xmlStructuredError");
	*(void **)&xmllib_table.structured_error_context =
		find(library, "__xmlStructuredErrorContext");
	/* Its globals, before two threads would make them at once. */
	xmllib_table.xmlInitParser();
}
