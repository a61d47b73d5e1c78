#include "store/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char parent[64];
    char folder[96];
    char problem[STORE_PROBLEM_MAX];
};

static int make_parent(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    (void)snprintf(f->parent, sizeof(f->parent), "/tmp/rostrum-state-XXXXXX");
    if (!mkdtemp(f->parent))
        return ERR_IO;
    (void)snprintf(f->folder, sizeof(f->folder), "%s/state", f->parent);
    *state = f;
    return 0;
}

static int remove_parent(void **state)
{
    struct fixture *f = *state;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/lock", f->folder);
    (void)unlink(path);
    (void)rmdir(f->folder);
    (void)unlink(f->folder);
    (void)rmdir(f->parent);
    free(f);
    return 0;
}

/* Takes the lock in another process, says so through the pipe, and keeps it until the pipe back is
 * closed. */
static pid_t start_holder(const char *folder, int *said, int *let_go)
{
    int to_parent[2];
    int to_child[2];
    assert_int_equal(pipe(to_parent), 0);
    assert_int_equal(pipe(to_child), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char problem[STORE_PROBLEM_MAX];
        char byte;
        int fd = -1;
        (void)close(to_child[1]);
        int err = store_lock_state(folder, &fd, problem);
        byte = err == 0 ? '1' : '0';
        if (write(to_parent[1], &byte, 1) != 1 || read(to_child[0], &byte, 1) < 0)
            _exit(1);
        _exit(0); /* without letting go by hand: the lock ends with the process */
    }
    (void)close(to_parent[1]);
    (void)close(to_child[0]);
    *said = to_parent[0];
    *let_go = to_child[1];
    return child;
}

static void test_a_second_server_on_the_same_folder_is_refused(void **state)
{
    struct fixture *f = *state;
    int said;
    int let_go;
    pid_t child = start_holder(f->folder, &said, &let_go);
    char byte = 0;
    assert_int_equal(read(said, &byte, 1), 1);
    assert_int_equal(byte, '1');
    int fd = -1;
    assert_int_equal(store_lock_state(f->folder, &fd, f->problem), ERR_EXIST);
    assert_int_equal(fd, -1);
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "process %ld", (long)child);
    assert_non_null(strstr(f->problem, pid));
    assert_non_null(strstr(f->problem, f->folder));
    (void)close(let_go);
    (void)close(said);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(store_lock_state(f->folder, &fd, f->problem), 0);
    (void)close(fd);
}

static void test_the_folder_is_made_for_its_owner_only(void **state)
{
    struct fixture *f = *state;
    int fd = -1;
    assert_int_equal(store_lock_state(f->folder, &fd, f->problem), 0);
    struct stat info;
    assert_int_equal(stat(f->folder, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    (void)close(fd);
}

static void test_what_is_no_folder_is_refused_with_its_name(void **state)
{
    struct fixture *f = *state;
    int fd = -1;
    FILE *file = fopen(f->folder, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(store_lock_state(f->folder, &fd, f->problem), ERR_IO);
    assert_non_null(strstr(f->problem, f->folder));
    assert_non_null(strstr(f->problem, "Not a directory"));
    char inside[128];
    (void)snprintf(inside, sizeof(inside), "%s/no/where", f->parent);
    assert_int_equal(store_lock_state(inside, &fd, f->problem), ERR_IO);
    assert_non_null(strstr(f->problem, "No such file or directory"));
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_second_server_on_the_same_folder_is_refused,
                                        make_parent, remove_parent),
        cmocka_unit_test_setup_teardown(test_the_folder_is_made_for_its_owner_only, make_parent,
                                        remove_parent),
        cmocka_unit_test_setup_teardown(test_what_is_no_folder_is_refused_with_its_name,
                                        make_parent, remove_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
