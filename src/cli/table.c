/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/memory.h"
#include "cli/table.h"
#include "cli/text.h"

/* Go's tabwriter as checkpointctl and kubectl configure it. */
#define COLUMN_MIN     6
#define COLUMN_PADDING 3

struct table {
        size_t columns;
        char **cells; /* headings, then rows */
        size_t count;
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
                free(table->cells[i]);
        free(table->cells);
        free(table);
}

static void append(struct table *table, char *text)
{
        table->cells = memory_grow(table->cells, table->count + 1, sizeof(*table->cells));
        table->cells[table->count++] = text;
}

void table_column(struct table *table, const char *heading)
{
        append(table, memory_copy(heading));
        table->columns++;
}

void table_cell(struct table *table, const char *text)
{
        struct buffer safe = {0};

        text_append_safe(&safe, SLICE_TEXT(text));
        append(table, safe.data ? (char *)safe.data : memory_copy(""));
}

static size_t column_width(const struct table *table, size_t column)
{
        size_t width = COLUMN_MIN;

        for (size_t i = column; i < table->count; i += table->columns) {
                size_t needed = text_width(table->cells[i]) + COLUMN_PADDING;

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
                size_t length = text_width(table->cells[i]);

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
                size_t column = i % table->columns;

                fputs(table->cells[i], out);
                if (column + 1 < table->columns) {
                        print_repeated(' ', widths[column] - text_width(table->cells[i]), out);
                        continue;
                }
                putc('\n', out);
                if (i + 1 == table->columns)
                        print_dashes(table, widths, out);
        }
}
