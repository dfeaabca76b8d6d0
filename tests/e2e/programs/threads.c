/* SPDX-License-Identifier: Apache-2.0 */
/* Four threads that each count in their own slot; the main thread writes the slots to /tmp/count. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic unsigned long slots[4];

static void *count(void *slot)
{
        for (;;) {
                atomic_fetch_add((_Atomic unsigned long *)slot, 1);
                usleep(1000);
        }
        return NULL;
}

int main(void)
{
        for (int i = 0; i < 4; i++) {
                pthread_t id;

                if (pthread_create(&id, NULL, count, &slots[i]))
                        return 1;
        }
        for (;;) {
                FILE *file = fopen("/tmp/count.new", "w");

                if (file) {
                        fprintf(file, "%lu %lu %lu %lu\n", slots[0], slots[1], slots[2], slots[3]);
                        fclose(file);
                        rename("/tmp/count.new", "/tmp/count");
                }
                usleep(20000);
        }
}
