package so.suna.queuemetrics.kit;

import java.util.regex.Pattern;
import redis.clients.jedis.Jedis;

/** What a Redis has counted since it started. */
public final class RedisCounts {

  private RedisCounts() {}

  public static long connections(Jedis client) {
    return counted(client, "total_connections_received:");
  }

  public static long calls(Jedis client, String command) {
    return counted(client, "cmdstat_" + command + ":calls=");
  }

  /** Commands that the server refused with {@code ERR}, such as those that it does not know. */
  public static long refused(Jedis client) {
    return counted(client, "errorstat_ERR:count=");
  }

  /** Redis leaves out what it has not met yet. */
  private static long counted(Jedis client, String what) {
    var line = Pattern.compile("(?m)^" + what + "(\\d+)").matcher(client.info("everything"));
    return line.find() ? Long.parseLong(line.group(1)) : 0;
  }
}
