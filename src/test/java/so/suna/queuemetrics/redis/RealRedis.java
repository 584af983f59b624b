package so.suna.queuemetrics.redis;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLSocketFactory;
import org.junit.jupiter.api.AfterEach;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.args.ClientType;
import redis.clients.jedis.params.ClientKillParams;
import redis.clients.jedis.params.ClientKillParams.SkipMe;
import so.suna.queuemetrics.kit.RedisClients;
import so.suna.queuemetrics.local.RedisServer;
import so.suna.queuemetrics.local.RedisServer.Version;

/** Real servers and the functions' client at them; what a test opens is closed after it. */
abstract class RealRedis {

  static final Login NO_LOGIN = new Login.None();

  static final Supplier<SSLSocketFactory> WITHOUT_TLS =
      () -> {
        throw new AssertionError("asked for TLS");
      };

  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  /** Closes the last first, and all even if one fails. */
  @AfterEach
  final void closeWhatWasOpened() throws Exception {
    if (!opened.isEmpty()) {
      try {
        opened.pop().close();
      } finally {
        closeWhatWasOpened();
      }
    }
  }

  final <T extends AutoCloseable> T opened(T each) {
    opened.push(each);
    return each;
  }

  final RedisServer start() {
    return opened(RedisServer.start());
  }

  /**
   * @param options separated by blanks
   */
  final RedisServer start(String options) {
    return start(Version.V7, options);
  }

  final RedisServer start(Version version, String options) {
    return opened(RedisServer.start(version, RedisServer.freePort(), options.split(" ")));
  }

  final Jedis client(RedisServer server) {
    return opened(server.client());
  }

  /** Without a login, in database 0. */
  final AskedRedis at(int port) {
    return at(endpoint(port, 0, NO_LOGIN));
  }

  final AskedRedis at(RedisEndpoint endpoint) {
    return at(endpoint, RedisClients.at(endpoint));
  }

  final AskedRedis at(RedisEndpoint endpoint, ReadOnlyRedis redis) {
    return opened(new AskedRedis(endpoint, redis));
  }

  static RedisEndpoint endpoint(int port, int database, Login login) {
    return new RedisEndpoint("127.0.0.1", port, database, false, login);
  }

  static Login defaultUser(String password) {
    return new Login.Password(Optional.empty(), password);
  }

  static Login publisher(String password) {
    return new Login.Password(Optional.of("publisher"), password);
  }

  static void killOtherConnections(Jedis client) {
    client.clientKill(new ClientKillParams().type(ClientType.NORMAL).skipMe(SkipMe.YES));
  }
}
