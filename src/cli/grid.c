/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/grid.h"
#include "program/memory.h"
#include "cli/text.h"

/* No column is narrower, as in the document that shows this table. */
#define COLUMN_MIN 9

struct grid {
        size_t columns;
        char **cells; /* headings, then rows */
        size_t count;
};

struct grid *grid_new(void)
{
        struct grid *grid = memory_grow(NULL, 1, sizeof(*grid));

        *grid = (struct grid){0};
        return grid;
}

void grid_free(struct grid *grid)
{
        for (size_t i = 0; i < grid->count; i++)
                free(grid->cells[i]);
        free(grid->cells);
        free(grid);
}

static void append(struct grid *grid, char *text)
{
        grid->cells = memory_grow(grid->cells, grid->count + 1, sizeof(*grid->cells));
        grid->cells[grid->count++] = text;
}

void grid_column(struct grid *grid, const char *heading)
{
        append(grid, memory_copy(heading));
        grid->columns++;
}

void grid_cell(struct grid *grid, const char *text)
{
        struct buffer safe = {0};

        text_append_safe(&safe, SLICE_TEXT(text));
        append(grid, safe.data ? (char *)safe.data : memory_copy(""));
}

static void print_repeated(char c, size_t count, FILE *out)
{
        while (count-- > 0)
                putc(c, out);
}

/* Says the cell what the one above it says? Neither the first row nor empty cells do. */
static bool is_merged(const struct grid *grid, size_t index)
{
        const char *text = grid->cells[index];

        return index >= 2 * grid->columns && text[0] && strcmp(text, grid->cells[index - grid->columns]) == 0;
}

/* The line above the row that begins at `row`, open where cells are merged; closed at the end of the table.
 */
static void print_line(const struct grid *grid, const size_t *widths, size_t row, FILE *out)
{
        putc('+', out);
        for (size_t i = 0; i < grid->columns; i++) {
                bool open = row + i < grid->count && is_merged(grid, row + i);

                print_repeated(open ? ' ' : '-', widths[i] + 2, out);
                putc('+', out);
        }
        putc('\n', out);
}

static bool is_number(const char *text)
{
        return text[0] && strspn(text, "0123456789") == strlen(text);
}

static void print_cell(const char *text, size_t width, bool heading, FILE *out)
{
        size_t gap = width - text_width(text);
        size_t left = heading ? gap / 2 : is_number(text) ? gap : 0;

        fputs("| ", out);
        print_repeated(' ', left, out);
        fputs(text, out);
        print_repeated(' ', gap - left + 1, out);
}

static void print_row(const struct grid *grid, const size_t *widths, size_t row, FILE *out)
{
        for (size_t i = 0; i < grid->columns; i++) {
                const char *text = is_merged(grid, row + i) ? "" : grid->cells[row + i];

                print_cell(text, widths[i], row == 0, out);
        }
        fputs("|\n", out);
}

void grid_print(const struct grid *grid, FILE *out)
{
        _cleanup_free_ size_t *widths = memory_grow(NULL, grid->columns, sizeof(*widths));

        for (size_t i = 0; i < grid->columns; i++) {
                widths[i] = COLUMN_MIN;
                for (size_t j = i; j < grid->count; j += grid->columns)
                        if (text_width(grid->cells[j]) > widths[i])
                                widths[i] = text_width(grid->cells[j]);
        }
        for (size_t row = 0; row < grid->count; row += grid->columns) {
                print_line(grid, widths, row, out);
                print_row(grid, widths, row, out);
        }
        print_line(grid, widths, grid->count, out);
}
