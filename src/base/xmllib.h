/*
 * libxml2, loaded when the first XML comes. With what it brings along (ICU, the C++ library) it
 * takes as long to load as everything else together, and most commands never meet any XML.
 *
 * Include this instead of headers of libxml2: its functions keep their names. Where it cannot be
 * loaded the program ends as it would have at its start, with the loader's words and status 127.
 */
#ifndef ADMINEX_XMLLIB_H
#define ADMINEX_XMLLIB_H

#include <threads.h>

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>
#include <libxml/xmlreader.h>
#include <libxml/xmlwriter.h>

/* Every function that is used. One more needs a line here and one below. */
#define XMLLIB_FUNCTIONS(X)                                                                        \
	X(xmlAddChild)                                                                             \
	X(xmlAddNextSibling)                                                                       \
	X(xmlCreatePushParserCtxt)                                                                 \
	X(xmlCtxtUseOptions)                                                                       \
	X(xmlDictSize)                                                                             \
	X(xmlDocGetRootElement)                                                                    \
	X(xmlDocSetRootElement)                                                                    \
	X(xmlFirstElementChild)                                                                    \
	X(xmlFreeDoc)                                                                              \
	X(xmlFreeNode)                                                                             \
	X(xmlFreeNodeList)                                                                         \
	X(xmlFreeParserCtxt)                                                                       \
	X(xmlFreeTextReader)                                                                       \
	X(xmlFreeTextWriter)                                                                       \
	X(xmlHasNsProp)                                                                            \
	X(xmlInitParser)                                                                           \
	X(xmlNewDoc)                                                                               \
	X(xmlNewDocNode)                                                                           \
	X(xmlNewDocText)                                                                           \
	X(xmlNewNs)                                                                                \
	X(xmlNewProp)                                                                              \
	X(xmlNewTextChild)                                                                         \
	X(xmlNewTextWriter)                                                                        \
	X(xmlNextElementSibling)                                                                   \
	X(xmlOutputBufferClose)                                                                    \
	X(xmlOutputBufferCreateIO)                                                                 \
	X(xmlParseChunk)                                                                           \
	X(xmlReaderForIO)                                                                          \
	X(xmlRemoveProp)                                                                           \
	X(xmlSAX2GetColumnNumber)                                                                  \
	X(xmlSAX2GetLineNumber)                                                                    \
	X(xmlSAX2StartElementNs)                                                                   \
	X(xmlSetGenericErrorFunc)                                                                  \
	X(xmlSetNs)                                                                                \
	X(xmlSetProp)                                                                              \
	X(xmlSetStructuredErrorFunc)                                                               \
	X(xmlStopParser)                                                                           \
	X(xmlStrEqual)                                                                             \
	X(xmlStrlen)                                                                               \
	X(xmlSwitchEncoding)                                                                       \
	X(xmlTextReaderConstEncoding)                                                              \
	X(xmlTextReaderCurrentNode)                                                                \
	X(xmlTextReaderDepth)                                                                      \
	X(xmlTextReaderExpand)                                                                     \
	X(xmlTextReaderGetParserLineNumber)                                                        \
	X(xmlTextReaderIsEmptyElement)                                                             \
	X(xmlTextReaderNodeType)                                                                   \
	X(xmlTextReaderRead)                                                                       \
	X(xmlTextWriterEndDocument)                                                                \
	X(xmlTextWriterEndElement)                                                                 \
	X(xmlTextWriterFlush)                                                                      \
	X(xmlTextWriterStartDocument)                                                              \
	X(xmlTextWriterStartElement)                                                               \
	X(xmlTextWriterWriteAttribute)                                                             \
	X(xmlTextWriterWriteRaw)                                                                   \
	X(xmlTextWriterWriteRawLen)                                                                \
	X(xmlTextWriterWriteString)                                                                \
	X(xmlUnlinkNode)                                                                           \
	X(xmlValidateNCName)

struct xmllib {
#define XMLLIB_MEMBER(name) __typeof__(name) *name;
	XMLLIB_FUNCTIONS(XMLLIB_MEMBER)
#undef XMLLIB_MEMBER
	/* Where this thread's error handlers are. */
	xmlGenericErrorFunc *(*generic_error)(void);
	void **(*generic_error_context)(void);
	xmlStructuredErrorFunc *(*structured_error)(void);
	void **(*structured_error_context)(void);
};

extern struct xmllib xmllib_table;
extern once_flag xmllib_once;
void xmllib_load(void);

static inline const struct xmllib *
xmllib(void)
{
	call_once(&xmllib_once, xmllib_load);
	return &xmllib_table;
}

#ifndef XMLLIB_PLAIN_NAMES
#define xmlAddChild                      (xmllib()->xmlAddChild)
#define xmlAddNextSibling                (xmllib()->xmlAddNextSibling)
#define xmlCreatePushParserCtxt          (xmllib()->xmlCreatePushParserCtxt)
#define xmlCtxtUseOptions                (xmllib()->xmlCtxtUseOptions)
#define xmlDictSize                      (xmllib()->xmlDictSize)
#define xmlDocGetRootElement             (xmllib()->xmlDocGetRootElement)
#define xmlDocSetRootElement             (xmllib()->xmlDocSetRootElement)
#define xmlFirstElementChild             (xmllib()->xmlFirstElementChild)
#define xmlFreeDoc                       (xmllib()->xmlFreeDoc)
#define xmlFreeNode                      (xmllib()->xmlFreeNode)
#define xmlFreeNodeList                  (xmllib()->xmlFreeNodeList)
#define xmlFreeParserCtxt                (xmllib()->xmlFreeParserCtxt)
#define xmlFreeTextReader                (xmllib()->xmlFreeTextReader)
#define xmlFreeTextWriter                (xmllib()->xmlFreeTextWriter)
#define xmlHasNsProp                     (xmllib()->xmlHasNsProp)
#define xmlInitParser                    (xmllib()->xmlInitParser)
#define xmlNewDoc                        (xmllib()->xmlNewDoc)
#define xmlNewDocNode                    (xmllib()->xmlNewDocNode)
#define xmlNewDocText                    (xmllib()->xmlNewDocText)
#define xmlNewNs                         (xmllib()->xmlNewNs)
#define xmlNewProp                       (xmllib()->xmlNewProp)
#define xmlNewTextChild                  (xmllib()->xmlNewTextChild)
#define xmlNewTextWriter                 (xmllib()->xmlNewTextWriter)
#define xmlNextElementSibling            (xmllib()->xmlNextElementSibling)
#define xmlOutputBufferClose             (xmllib()->xmlOutputBufferClose)
#define xmlOutputBufferCreateIO          (xmllib()->xmlOutputBufferCreateIO)
#define xmlParseChunk                    (xmllib()->xmlParseChunk)
#define xmlReaderForIO                   (xmllib()->xmlReaderForIO)
#define xmlRemoveProp                    (xmllib()->xmlRemoveProp)
#define xmlSAX2GetColumnNumber           (xmllib()->xmlSAX2GetColumnNumber)
#define xmlSAX2GetLineNumber             (xmllib()->xmlSAX2GetLineNumber)
#define xmlSAX2StartElementNs            (xmllib()->xmlSAX2StartElementNs)
#define xmlSetGenericErrorFunc           (xmllib()->xmlSetGenericErrorFunc)
#define xmlSetNs                         (xmllib()->xmlSetNs)
#define xmlSetProp                       (xmllib()->xmlSetProp)
#define xmlSetStructuredErrorFunc        (xmllib()->xmlSetStructuredErrorFunc)
#define xmlStopParser                    (xmllib()->xmlStopParser)
#define xmlStrEqual                      (xmllib()->xmlStrEqual)
#define xmlStrlen                        (xmllib()->xmlStrlen)
#define xmlSwitchEncoding                (xmllib()->xmlSwitchEncoding)
#define xmlTextReaderConstEncoding       (xmllib()->xmlTextReaderConstEncoding)
#define xmlTextReaderCurrentNode         (xmllib()->xmlTextReaderCurrentNode)
#define xmlTextReaderDepth               (xmllib()->xmlTextReaderDepth)
#define xmlTextReaderExpand              (xmllib()->xmlTextReaderExpand)
#define xmlTextReaderGetParserLineNumber (xmllib()->xmlTextReaderGetParserLineNumber)
#define xmlTextReaderIsEmptyElement      (xmllib()->xmlTextReaderIsEmptyElement)
#define xmlTextReaderNodeType            (xmllib()->xmlTextReaderNodeType)
#define xmlTextReaderRead                (xmllib()->xmlTextReaderRead)
#define xmlTextWriterEndDocument         (xmllib()->xmlTextWriterEndDocument)
#define xmlTextWriterEndElement          (xmllib()->xmlTextWriterEndElement)
#define xmlTextWriterFlush               (xmllib()->xmlTextWriterFlush)
#define xmlTextWriterStartDocument       (xmllib()->xmlTextWriterStartDocument)
#define xmlTextWriterStartElement        (xmllib()->xmlTextWriterStartElement)
#define xmlTextWriterWriteAttribute      (xmllib()->xmlTextWriterWriteAttribute)
#define xmlTextWriterWriteRaw            (xmllib()->xmlTextWriterWriteRaw)
#define xmlTextWriterWriteRawLen         (xmllib()->xmlTextWriterWriteRawLen)
#define xmlTextWriterWriteString         (xmllib()->xmlTextWriterWriteString)
#define xmlUnlinkNode                    (xmllib()->xmlUnlinkNode)
#define xmlValidateNCName                (xmllib()->xmlValidateNCName)
#undef xmlGenericError
#define xmlGenericError (*xmllib()->generic_error())
#undef xmlGenericErrorContext
#define xmlGenericErrorContext (*xmllib()->generic_error_context())
#undef xmlStructuredError
#define xmlStructuredError (*xmllib()->structured_error())
#undef xmlStructuredErrorContext
#define xmlStructuredErrorContext (*xmllib()->structured_error_context())
#endif

#endif
