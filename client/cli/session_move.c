/* session_move.c - how a listener leaves a node that wants to be left: the next one is heard first. */
#include "session_internal.h"

bool session_set_aside(struct session *session)
{
    if (session->former != NULL || !session->seat->is_up)
        return false;
    session->former = session->seat;
    session->former_socket = session->socket;
    session->seat = &session->seats[session->seat == &session->seats[0]];
    session_forget_socket(session);
    return true;
}

void session_drop_former(struct session *session)
{
    struct session_seat *former = session->former;
    if (former == NULL)
        return;
    session->former = NULL;
    media_close(former->media);
    former->media = NULL;
    former->is_up = false;
    session_leave_socket(session->former_socket);
    session->former_socket = NULL;
}

void session_take_over(struct session *session)
{
    session_drop_former(session);
    session->params.on_down(session->params.ctx);
    session->params.on_up(session->params.ctx, session->seat->media);
}

void session_lose_former(struct session *session)
{
    session_drop_former(session);
    session->params.on_down(session->params.ctx);
    if (session->seat->is_up)
        session->params.on_up(session->params.ctx, session->seat->media);
}
