#include "face/cli.h"
int
verb_import(struct cli *cli, int argc, char **argv)
{
	(void)cli; (void)argc; (void)argv;
	return 1;
}
