/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "server/base/log.h"
#include "server/session/rights.h"

/*
 * Whose rights a session has. login_user is who was let in, session_user who it is (SET SESSION
 * AUTHORIZATION), user what it acts as (SET ROLE). The last two are settings, so that SET LOCAL and
 * rollbacks mean for them what they mean for others; session_apply_role follows the settings.
 */

/* No role has it, so it has no rights: of a role that was dropped meanwhile. */
enum { OID_ROLE_NOBODY = 1 };

static ky_status
role_image(struct session *session, struct cat_image **image_out, struct ky_error *err)
{
    return session->txn != NULL ? session_image(session, image_out, err)
                                : server_current_image(session->server, image_out, err);
}

static ky_status
check_role(const struct session *session, const struct cat_image *image,
           const struct cat_role *role, bool is_authorization, struct ky_error *err)
{
    if (is_authorization) {
        return role->oid == session->login_role || acl_is_superuser(image, session->login_role)
                   ? KY_OK
                   : ky_error_set(err, KY_INSUFFICIENT_PRIVILEGE,
                                  "permission denied to set session authorization \"%s\"",
                                  role->name);
    }
    return acl_is_member(image, session->session_role, role->oid)
               ? KY_OK
               : ky_error_set(err, KY_INSUFFICIENT_PRIVILEGE,
                              "permission denied to set role \"%s\"", role->name);
}

ky_status
session_check_role_setting(struct session *session, const char *name, const char *value,
                           struct ky_error *err)
{
    struct cat_image *image;
    const bool is_authorization = strcasecmp(name, "session_authorization") == 0;
    if (!is_authorization && (strcasecmp(name, "role") != 0 || strcmp(value, "none") == 0)) {
        return KY_OK;
    }
    KY_TRY(role_image(session, &image, err));
    const struct cat_role *role = cat_find_role(image, ky_slice_cstr(value));
    const ky_status status = role != NULL ? check_role(session, image, role, is_authorization, err)
                                          : ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                                         "role \"%s\" does not exist", value);
    if (status == KY_OK) {
        session->known_role = role->oid;
        ky_error_name(session->known_role_name, role->name);
    }
    cat_image_release(image);
    return status;
}

/* A role that was made in this transaction is known from when it was set. */
static oid_t
role_named(const struct session *session, const char *name)
{
    struct role_auth auth;
    if (server_find_role(session->server, name, &auth)) {
        return auth.oid;
    }
    return strcmp(session->known_role_name, name) == 0 ? session->known_role : OID_ROLE_NOBODY;
}

static void
apply_setting(struct session *session, const char *text)
{
    struct ky_error err;
    char name[128];
    const char *value = strchr(text, '=');
    ky_error_init(&err);
    if (value == NULL || (size_t)(value - text) >= sizeof(name)) {
        return;
    }
    memcpy(name, text, (size_t)(value - text));
    name[value - text] = '\0';
    if (session_check_role_setting(session, name, value + 1, &err) != KY_OK ||
        settings_set(&session->settings, name, value + 1, false, true, &err) != KY_OK) {
        ky_log(WARN, "session", "a setting of role \"%s\" was left out: %s", session->login_user,
               err.message);
    }
}

/* The more specific one wins. */
ky_status
session_apply_role_settings(struct session *session, struct ky_error *err)
{
    struct cat_image *image;
    KY_TRY(server_current_image(session->server, &image, err));
    const struct cat_database *database =
        cat_find_database(image, ky_slice_cstr(session->database));
    const oid_t own = database == NULL ? OID_NONE : database->oid;
    const oid_t places[][2] = {{OID_NONE, OID_NONE},
                               {own, OID_NONE},
                               {OID_NONE, session->login_role},
                               {own, session->login_role}};
    for (size_t p = 0; p < KY_COUNT_OF(places); p++) {
        for (size_t i = 0; i < image->role_setting_count; i++) {
            const struct cat_role_setting *setting = image->role_settings[i];
            const bool is_here = setting->database == places[p][0] && setting->role == places[p][1];
            for (size_t k = 0; is_here && setting->values[k] != NULL; k++) {
                apply_setting(session, setting->values[k]);
            }
        }
    }
    cat_image_release(image);
    return KY_OK;
}

void
session_apply_role(struct session *session)
{
    struct settings *settings = &session->settings;
    if (KY_LIKELY(session->role_version == settings->version)) {
        return;
    }
    const char *authorization = settings_text(settings, SETTING_SESSION_AUTHORIZATION);
    const char *role = settings_text(settings, SETTING_ROLE);
    const char *wanted = strcmp(role, "none") == 0 ? authorization : role;
    if (strcmp(authorization, session->session_user) != 0) {
        session->session_role = role_named(session, authorization);
        ky_error_name(session->session_user, authorization);
    }
    if (strcmp(wanted, session->user) != 0) {
        struct role_auth auth = {.is_superuser = false};
        session->role = role_named(session, wanted);
        session->is_superuser =
            server_find_role(session->server, wanted, &auth) && auth.is_superuser;
        ky_error_name(session->user, wanted);
        session->path_image = 0; /* "$user", and the schemas that it may use */
        settings_force(settings, SETTING_IS_SUPERUSER, session->is_superuser ? "on" : "off");
    }
    session->role_version = settings->version;
}
