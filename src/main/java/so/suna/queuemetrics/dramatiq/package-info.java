/** What a Dramatiq broker keeps in Redis, read at one instant. Knows no AWS. */
@NullMarked
package so.suna.queuemetrics.dramatiq;

import org.jspecify.annotations.NullMarked;
