#include "signalling/pages.h"

#include "base/hash.h"

#include "room/cluster.h"
#include "rostrum/slice.h"
#include "signalling/access.h"
#include "signalling/handlers.h"
#include "signalling/range.h"
#include "signalling/routes.h"
#include "telemetry/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGES_FILES_MAX = 256,
    PAGES_FILE_BYTES_MAX = 2 * 1024 * 1024,
    PAGES_DEPTH_MAX = 6,
    PAGES_NAME_MAX = 160,
};

struct page {
    char name[PAGES_NAME_MAX + 1]; /* relative to the folder: "js/pages/listen.js" */
    const char *type;
    char etag[40];
    uint8_t *data; /* owned */
    size_t bytes;
};

struct pages {
    unsigned count;
    struct page list[PAGES_FILES_MAX];
};

static const char policy[] =
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self' ws: wss:; media-src 'self' blob:; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'self'";

/* Also the list of what may be served at all. */
static const char *type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {{".html", "text/html; charset=utf-8"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},
                 {".svg", "image/svg+xml"},
                 {".png", "image/png"},
                 {".ico", "image/x-icon"},
                 {".woff2", "font/woff2"},
                 {".webmanifest", "application/manifest+json"}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(dot, types[i].ending) == 0)
            return types[i].type;
    return NULL;
}

static int read_whole(int file, uint8_t *out, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        ssize_t got = read(file, out + at, bytes - at);
        if (got <= 0)
            return ERR_IO;
        at += (size_t)got;
    }
    return 0;
}

static int load_file(struct pages *pages, int folder, const char *entry, const char *name)
{
    const char *type = type_of(entry);
    if (type == NULL || pages->count == PAGES_FILES_MAX || strlen(name) > PAGES_NAME_MAX)
        return 0;
    int file = openat(folder, entry, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_size > PAGES_FILE_BYTES_MAX) {
        if (file >= 0)
            close(file);
        return 0;
    }
    struct page *page = &pages->list[pages->count];
    *page = (struct page){.type = type, .bytes = (size_t)status.st_size};
    page->data = malloc(page->bytes + 1);
    int err = page->data == NULL ? ERR_NOMEM : read_whole(file, page->data, page->bytes);
    close(file);
    if (err != 0) {
        free(page->data);
        return err;
    }
    memcpy(page->name, name, strlen(name)); /* its length was checked, the rest is zero */
    snprintf(page->etag, sizeof(page->etag), "\"%016llx\"",
             (unsigned long long)hash_bytes(HASH_START, page->data, page->bytes));
    pages->count++;
    return 0;
}

static bool is_for_browsers(const char *entry)
{
    return entry[0] != '.' && strcmp(entry, "node_modules") != 0 && strcmp(entry, "test") != 0;
}

static int load_folder(struct pages *pages, int folder, const char *prefix, unsigned depth)
{
    DIR *directory = fdopendir(folder); /* takes the descriptor */
    if (directory == NULL) {
        close(folder);
        return ERR_IO;
    }
    int err = 0;
    const struct dirent *entry;
    while (err == 0 && (entry = readdir(directory)) != NULL) {
        char name[PAGES_NAME_MAX * 2];
        if (!is_for_browsers(entry->d_name))
            continue;
        snprintf(name, sizeof(name), "%s%.255s", prefix, entry->d_name);
        int sub = openat(dirfd(directory), entry->d_name,
                         O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
        if (sub < 0) {
            err = load_file(pages, dirfd(directory), entry->d_name, name);
        } else if (depth < PAGES_DEPTH_MAX && strlen(name) < PAGES_NAME_MAX) {
            size_t end = strlen(name);
            name[end] = '/';
            name[end + 1] = '\0';
            err = load_folder(pages, sub, name, depth + 1);
        } else {
            close(sub);
        }
    }
    closedir(directory);
    return err;
}

int pages_load(struct pages **out, const char *folder)
{
    struct pages *pages = calloc(1, sizeof(*pages));
    if (pages == NULL)
        return ERR_NOMEM;
    int fd = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    int err = fd >= 0 ? load_folder(pages, fd, "", 0) : ERR_NOENT;
    if (err == ERR_NOMEM) {
        pages_destroy(pages);
        return err;
    }
    if (err != 0 || pages->count == 0)
        log_warn("pages.missing", "folder=%s error=%s", folder, error_name(err));
    *out = pages;
    return 0;
}

void pages_destroy(struct pages *pages)
{
    for (unsigned i = 0; pages != NULL && i < pages->count; i++)
        free(pages->list[i].data);
    free(pages);
}

static void serve(struct request *request, unsigned status, const char *name)
{
    const struct pages *pages = request->signalling->pages;
    const struct page *page = NULL;
    for (unsigned i = 0; page == NULL && i < pages->count; i++)
        if (strcmp(pages->list[i].name, name) == 0)
            page = &pages->list[i];
    if (page == NULL) {
        reply_problem(request, 404, "unknown_path", NULL, "There is nothing at this address.");
        return;
    }
    /* Everything revalidates: a new version of the server never meets half an old page. */
    reply_header(request, "Cache-Control", "no-cache");
    reply_header(request, "ETag", "%s", page->etag);
    if (strncmp(page->type, "text/html", 9) == 0)
        reply_header(request, "Content-Security-Policy", "%s", policy);
    if (status == 200 && etag_is_listed(request->if_none_match, page->etag))
        reply_empty(request, 304);
    else
        reply_lent(request, status, page->type, slice_of(page->data, page->bytes));
}

void handle_rooms_page(struct request *request)
{
    serve(request, 200, "rooms.html");
}

void handle_admin_page(struct request *request)
{
    serve(request, 200, "admin.html");
}

/* The page of a room that is not there says so itself; the status says it to machines. */
static void serve_room(struct request *request, const char *page)
{
    const struct room *room = rooms_find(request->signalling->rooms, request->params[0]);
    bool is_here = room != NULL && !room_is_relayed(room);
    if (is_here || !access_redirect(request))
        serve(request, is_here ? 200 : 404, page);
}

void handle_room_page(struct request *request)
{
    serve_room(request, "listen.html");
}

void handle_stage_page(struct request *request)
{
    serve_room(request, "stage.html");
}

void handle_report_page(struct request *request)
{
    serve_room(request, "report.html");
}

void handle_asset(struct request *request)
{
    const char *name = request->path + strlen(ROUTES_ASSETS);
    /* A page has an address of its own, which decides its status. */
    serve(request, 200, strstr(name, ".html") == NULL ? name : "");
}
