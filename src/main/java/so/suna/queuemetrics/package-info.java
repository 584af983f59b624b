/** The doors: the two Lambda handlers, and the settings both read. */
@NullMarked
package so.suna.queuemetrics;

import org.jspecify.annotations.NullMarked;
