/* handlers.h - the handlers of all routes: each answers its request exactly once, now or later.
 *
 * Owner    the request is the caller's; a handler that answers later takes a reference
 * Thread   control
 * Units    none
 * Errors   are replies
 * Spec     the HTTP surface: README of the server
 */
#ifndef SIGNALLING_HANDLERS_H
#define SIGNALLING_HANDLERS_H

struct request;

/* pages.c */
void handle_rooms_page(struct request *request);
void handle_room_page(struct request *request);
void handle_stage_page(struct request *request);
void handle_report_page(struct request *request);
void handle_admin_page(struct request *request);
void handle_asset(struct request *request);
/* health.c */
void handle_livez(struct request *request);
void handle_readyz(struct request *request);
/* upgrade.c */
void handle_plain_socket(struct request *request); /* GET /ws that asks for no upgrade */
/* files.c */
void handle_recording(struct request *request);
void handle_stem(struct request *request);
/* api_rooms.c */
void handle_room_list(struct request *request);
void handle_room_create(struct request *request);
void handle_room_show(struct request *request);
void handle_room_steer(struct request *request);
/* api_node.c */
void handle_node_show(struct request *request);
void handle_node_change(struct request *request);
void handle_room_mode(struct request *request);
/* api_line.c */
void handle_line_enter(struct request *request);
void handle_line_leave(struct request *request);
void handle_line_options(struct request *request);
void handle_door_look(struct request *request);
void handle_pass_create(struct request *request);
void handle_room_change(struct request *request);
/* api_report.c */
void handle_room_report(struct request *request);
/* api_hosts.c */
void handle_invitation_list(struct request *request);
void handle_invitation_create(struct request *request);
void handle_invitation_revoke(struct request *request);
void handle_consent_show(struct request *request);
void handle_consent_give(struct request *request);
void handle_stem_list(struct request *request);
/* api_bans.c */
void handle_ban_list(struct request *request);
void handle_ban_create(struct request *request);
void handle_ban_lift(struct request *request);
/* whip.c */
void handle_whip_offer(struct request *request);
void handle_whep_offer(struct request *request);
void handle_whip_look(struct request *request);
void handle_whip_options(struct request *request);
void handle_whip_patch(struct request *request);
void handle_whip_delete(struct request *request);
void handle_whip_session_look(struct request *request);

#endif
