#include "transfer/pie_priv.h"

#include <string.h>

static void
decode(xmlNs *ns)
{
	char *to = (char *)ns->href;
	const char *from = to;

	if (to == NULL || strstr(to, "&#38;") == NULL)
		return;
	while (*from != '\0') {
		size_t taken = strncmp(from, "&#38;", 5) == 0 ? 5 : 1;

		*to++ = *from;
		from += taken;
	}
	*to = '\0';
}

void
pie_namespaces(xmlNode *element)
{
	for (xmlNs *ns = element->nsDef; ns != NULL; ns = ns->next)
		decode(ns);
}

void
pie_namespaces_below(xmlNode *element)
{
	xmlNode *node = element;

	for (;;) {
		if (node->children != NULL) {
			node = node->children;
		} else {
			while (node != element && node->next == NULL)
				node = node->parent;
			if (node == element)
				return;
			node = node->next;
		}
		if (node->type == XML_ELEMENT_NODE)
			pie_namespaces(node);
	}
}
