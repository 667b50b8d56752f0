/* SPDX-License-Identifier: ISC */
/* The page's skeleton, style and script, as they lie in mikesim/page/. */

#include "mikesim/out/page_int.h"

#define FILE_BEGIN(name)                                                       \
	".balign 16\n.hidden page_" name "\n.global page_" name "\npage_" name \
	":\n"
#define FILE_PART(file) ".incbin \"mikesim/page/" file "\"\n"
/* How long it is follows it: the assembler knows, and C is not to guess. */
#define FILE_END(name)                                                         \
	"1: .byte 0\n.balign 8\n.hidden page_" name "_len\n.global page_" name \
	"_len\npage_" name "_len: .quad 1b - page_" name "\n"

/* One script in five files: data, drawing, charts, the time now, what a person does. */
__asm__(".section .rodata\n" FILE_BEGIN("html") FILE_PART("page.html")
	FILE_END("html") FILE_BEGIN("css") FILE_PART("page.css") FILE_END("css")
	    FILE_BEGIN("js") FILE_PART("data.js") FILE_PART("draw.js")
		FILE_PART("chart.js") FILE_PART("now.js") FILE_PART("page.js")
		    FILE_END("js") ".previous\n");

extern const uint8_t page_html[], page_css[], page_js[];
extern const uint64_t page_html_len, page_css_len, page_js_len;

struct chunk
page_file(enum page_part part)
{
	switch (part) {
	case PART_HTML:
		return (struct chunk){ page_html, page_html_len };
	case PART_CSS:
		return (struct chunk){ page_css, page_css_len };
	case PART_JS:
	case PAGE_PARTS:
		break;
	}
	return (struct chunk){ page_js, page_js_len };
}
