package so.suna.queuemetrics.kit;

import static org.awaitility.Awaitility.await;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.JedisMonitor;
import redis.clients.jedis.exceptions.JedisConnectionException;
import so.suna.queuemetrics.local.RedisServer;

/** Hears every command that a Redis gets while something else is done. */
public final class RedisMonitor {

  /**
   * @param sent names of the commands that clients sent
   * @param inScripts names of those that their scripts ran
   */
  public record Heard(List<String> sent, List<String> inScripts) {}

  private RedisMonitor() {}

  public static Heard hear(RedisServer server, Runnable work) {
    List<String> lines = new CopyOnWriteArrayList<>();
    try (Jedis ear = server.client();
        Jedis client = server.client()) {
      Thread.ofVirtual().start(() -> listen(ear, lines));
      await().until(() -> heard(lines, client.echo("from here")));
      lines.clear();
      work.run();
      await().until(() -> heard(lines, client.echo("to here")));
    }
    return new Heard(
        commands(lines.stream().filter(line -> !line.contains(" lua] ")).toList()),
        commands(lines.stream().filter(line -> line.contains(" lua] ")).toList()));
  }

  private static void listen(Jedis ear, List<String> lines) {
    try {
      ear.monitor(
          new JedisMonitor() {
            @Override
            public void onCommand(String line) {
              lines.add(line);
            }
          });
    } catch (JedisConnectionException _) {
      // Closed, since all is heard.
    }
  }

  private static boolean heard(List<String> lines, String mark) {
    return lines.stream().anyMatch(line -> line.endsWith("\"" + mark + "\""));
  }

  /** A line is such as {@code 1767268800.123456 [0 127.0.0.1:40000] "EVAL_RO" "return 1" "0"}. */
  private static List<String> commands(List<String> lines) {
    return lines.stream()
        .map(line -> line.split("\"", 3)[1])
        .filter(command -> !command.equals("ECHO"))
        .toList();
  }
}
