/* SPDX-License-Identifier: Apache-2.0 */
#include "program/memory.h"
#include "cli/table.h"
#include "cli/text.h"

/* Go's tabwriter as checkpointctl and kubectl configure it. */
#define COLUMN_MIN     6
#define COLUMN_PADDING 3

struct cell {
        char *text;
        enum style style;
};

struct table {
        size_t columns;
        struct cell *cells; /* headings, then rows */
        size_t count, capacity;
};

struct table *table_new(void)
{
        struct table *table = memory_grow(NULL, 1, sizeof(*table));

        *table = (struct table){0};
        return table;
}

void table_free(struct table *table)
{
        for (size_t i = 0; i < table->count; i++)
                free(table->cells[i].text);
        free(table->cells);
        free(table);
}

static void append(struct table *table, enum style style, char *text)
{
        if (table->count == table->capacity) {
                table->capacity = table->capacity ? table->capacity * 2 : 64;
                table->cells = memory_grow(table->cells, table->capacity, sizeof(*table->cells));
        }
        table->cells[table->count++] = (struct cell){text, style};
}

void table_column(struct table *table, const char *heading)
{
        append(table, STYLE_HEADING, memory_copy(heading));
        table->columns++;
}

void table_cell_styled(struct table *table, enum style style, const char *text)
{
        struct buffer safe = {0};

        text_append_safe(&safe, SLICE_TEXT(text));
        append(table, style, safe.data ? (char *)safe.data : memory_copy(""));
}

void table_cell(struct table *table, const char *text)
{
        table_cell_styled(table, STYLE_PLAIN, text);
}

static size_t column_width(const struct table *table, size_t column)
{
        size_t width = COLUMN_MIN;

        for (size_t i = column; i < table->count; i += table->columns) {
                size_t needed = text_width(table->cells[i].text) + COLUMN_PADDING;

                if (needed > width)
                        width = needed;
        }
        return width;
}

static void print_repeated(char c, size_t count, FILE *out)
{
        while (count-- > 0)
                putc(c, out);
}

static void print_dashes(const struct table *table, const size_t *widths, FILE *out)
{
        for (size_t i = 0; i < table->columns; i++) {
                size_t length = text_width(table->cells[i].text);

                print_repeated('-', length, out);
                if (i + 1 < table->columns)
                        print_repeated(' ', widths[i] - length, out);
        }
        putc('\n', out);
}

void table_print(const struct table *table, FILE *out)
{
        _cleanup_free_ size_t *widths = memory_grow(NULL, table->columns, sizeof(*widths));

        for (size_t i = 0; i < table->columns; i++)
                widths[i] = column_width(table, i);
        for (size_t i = 0; i < table->count; i++) {
                const struct cell *cell = &table->cells[i];
                size_t column = i % table->columns;

                fprintf(out, "%s%s%s", style_begin(cell->style, out), cell->text,
                        style_end(cell->style, out));
                if (column + 1 < table->columns) {
                        print_repeated(' ', widths[column] - text_width(cell->text), out);
                        continue;
                }
                putc('\n', out);
                if (i + 1 == table->columns)
                        print_dashes(table, widths, out);
        }
}
