/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/ioctl.h>
#include "base/clock.h"
#include "program/memory.h"
#include "cli/progress_bar.h"
#include "program/signals.h"
#include "program/units.h"

#define PHASE_SIZE       32
#define REDRAW_US        100000
#define LINE_INTERVAL_US 10000000 /* a log file wants a sign of life, not a film */
#define BAR_WIDTH        24
#define FIXED_WIDTH      76 /* columns of a line with its bar */

struct progress_bar {
        struct progress progress;
        FILE *out;
        enum progress_style style;
        char phase[PHASE_SIZE]; /* "" before the first */
        uint64_t done, total, started, drawn;
};

enum progress_style progress_style_for(FILE *out, bool quiet)
{
        const char *term = getenv("TERM");

        if (quiet)
                return PROGRESS_NONE;
        if (isatty(fileno(out)) && (!term || strcmp(term, "dumb") != 0))
                return PROGRESS_TERMINAL;
        return PROGRESS_LINES;
}

static bool is_wide_enough(FILE *out)
{
        struct winsize size = {0};

        return ioctl(fileno(out), TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_col >= FIXED_WIDTH;
}

static void draw_bar(const struct progress_bar *bar)
{
        char cells[BAR_WIDTH + 1];
        size_t full = BAR_WIDTH;

        if (bar->total == 0 || !is_wide_enough(bar->out))
                return;
        if (bar->done < bar->total)
                full = (size_t)((double)bar->done / (double)bar->total * BAR_WIDTH);
        memset(cells, '=', full);
        memset(cells + full, ' ', BAR_WIDTH - full);
        if (full < BAR_WIDTH)
                cells[full] = '>';
        cells[BAR_WIDTH] = '\0';
        fprintf(bar->out, " [%s]", cells);
}

/* "dump           1.0 GiB    512.3 MiB/s    2.10 s"; the amount is left out where nothing was counted. */
static void print_amounts(const struct progress_bar *bar, uint64_t now)
{
        char amount[UNIT_TEXT_SIZE], rate[UNIT_TEXT_SIZE], time[UNIT_TEXT_SIZE];

        fprintf(bar->out, " %10s %13s %10s", bar->done ? size_format(bar->done, amount) : "",
                rate_format(bar->done, now - bar->started, rate), duration_format(now - bar->started, time));
}

static void redraw(struct progress_bar *bar, uint64_t now, bool with_bar)
{
        fprintf(bar->out, "\r%-12s", bar->phase);
        print_amounts(bar, now);
        if (with_bar)
                draw_bar(bar);
        fputs("\033[K", bar->out);
        fflush(bar->out);
        bar->drawn = now;
}

/* A phase that begins has only its name. */
static void print_line(struct progress_bar *bar, uint64_t now, bool is_new)
{
        char done[UNIT_TEXT_SIZE], total[UNIT_TEXT_SIZE];

        fprintf(bar->out, "phase: %s", bar->phase);
        if (!is_new && bar->done)
                fprintf(bar->out, " %s", size_format(bar->done, done));
        if (!is_new && bar->done && bar->total)
                fprintf(bar->out, " of %s", size_format(bar->total, total));
        putc('\n', bar->out);
        fflush(bar->out);
        bar->drawn = now;
}

void progress_bar_finish(struct progress_bar *bar)
{
        if (bar->style == PROGRESS_TERMINAL && bar->phase[0]) {
                redraw(bar, clock_monotonic_us(), false);
                putc('\n', bar->out);
                fflush(bar->out);
        }
        bar->phase[0] = '\0';
}

static void begin_phase(struct progress_bar *bar, const char *phase, uint64_t now)
{
        progress_bar_finish(bar);
        snprintf(bar->phase, sizeof(bar->phase), "%s", phase);
        bar->started = now;
        bar->drawn = 0;
}

static void step(void *context, const char *phase, uint64_t done, uint64_t total)
{
        struct progress_bar *bar = context;
        uint64_t now = clock_monotonic_us();
        bool is_new = strncmp(bar->phase, phase, sizeof(bar->phase) - 1) != 0;

        if (is_new)
                begin_phase(bar, phase, now);
        bar->done = done;
        bar->total = total;
        if (bar->style == PROGRESS_TERMINAL && now - bar->drawn >= REDRAW_US)
                redraw(bar, now, true);
        else if (bar->style == PROGRESS_LINES && (is_new || now - bar->drawn >= LINE_INTERVAL_US))
                print_line(bar, now, is_new);
}

static bool cancelled(void *context)
{
        return signals_interrupted();
}

struct progress_bar *progress_bar_new(FILE *out, enum progress_style style)
{
        struct progress_bar *bar = memory_grow(NULL, 1, sizeof(*bar));

        *bar = (struct progress_bar){.out = out, .style = style};
        bar->progress = (struct progress){
                .step = style == PROGRESS_NONE ? NULL : step, .cancelled = cancelled, .context = bar};
        return bar;
}

const struct progress *progress_bar_progress(struct progress_bar *bar)
{
        return &bar->progress;
}

void progress_bar_free(struct progress_bar *bar)
{
        progress_bar_finish(bar);
        free(bar);
}
