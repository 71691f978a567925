#include <locale.h>

#include "face/cli.h"

int
main(int argc, char **argv)
{
	/* For the width of characters in tables; messages and numbers stay as they are. */
	setlocale(LC_CTYPE, "C.UTF-8");
	return cli_main(argc, argv);
}
