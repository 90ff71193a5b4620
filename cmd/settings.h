/* cmd/settings -- where the agent's two ports are, as every part tells it. */
#ifndef CMD_SETTINGS_H
#define CMD_SETTINGS_H

#define SETTINGS_HOST "127.0.0.1"
#define SETTINGS_SMTP_PORT 1465
#define SETTINGS_IMAP_PORT 1993

#endif
