/*
 * The program with other commands in the place of those of the submod cache: what is defined here
 * is not looked for in the library.
 */
#include <locale.h>

#include "face/cli.h"
#include "submod/submods.h"

#define PARCELS CACHE_COMMANDS
#define PARCELS_ARE
#include "../unit/parcels.h"

int
main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	return cli_main(argc, argv);
}
