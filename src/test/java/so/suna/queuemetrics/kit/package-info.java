/** What tests are made of: servers that misbehave, certificates, clocks, builders, clients. */
@NullMarked
package so.suna.queuemetrics.kit;

import org.jspecify.annotations.NullMarked;
