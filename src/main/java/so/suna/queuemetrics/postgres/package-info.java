/** The database, asked only whether it answers. */
@NullMarked
package so.suna.queuemetrics.postgres;

import org.jspecify.annotations.NullMarked;
