// A link between two network namespaces, in a program: what goes into one end comes out of the
// other later, slower, or not at all. (Not every kernel has sch_netem.)
//
//   tun_link SOCKET SEED NETNS DEVICE ADDRESS/BITS NETNS DEVICE ADDRESS/BITS
//
// End 0 is the first namespace's. Runs until its stdin ends. Datagrams to SOCKET change it while it
// runs, and each is answered: "KEY VALUE…" by "ok" or by what is wrong with it.
//
//   delay MS       one way, each way            loss PERCENT   of the packets, each way
//   jitter MS      up to so much more           rate KBITS     a second, each way; 0: no limit
//   drop MASK      1: what comes from end 0; 2: from end 1; 3: both
//   queue KBYTES   what waits for the rate, each way; beyond it packets are lost; 0: no limit
//   reset 0|1      whatever TCP comes along is answered by RST at both ends

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>

namespace iris::testbed {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr size_t kQueuePacketsMax = 4000;
constexpr size_t kPacketBytesMax = 65536;

[[noreturn]] void Die(const std::string& what) {
  perror(what.c_str());
  exit(1);
}

// A device in the namespace, with its address, up.
int OpenDevice(const char* netns, const char* device, const char* address) {
  const std::string path = std::string("/run/netns/") + netns;
  const int ns = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (ns < 0 || setns(ns, CLONE_NEWNET) != 0) Die(path);
  close(ns);
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) Die("/dev/net/tun");
  ifreq request = {};
  strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(fd, TUNSETIFF, &request) != 0) Die("TUNSETIFF");
  const std::string up = std::string("ip addr add ") + address + " dev " + device +
                         " && ip link set " + device + " up txqueuelen 5000";
  if (system(up.c_str()) != 0) exit(1);
  return fd;
}

uint16_t Checksum(const std::string& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    sum += static_cast<uint8_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
  }
  while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return htons(static_cast<uint16_t>(~sum));
}

template <typename T>
std::string Bytes(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

struct TcpPacket {
  iphdr ip;
  tcphdr tcp;
};

bool ReadTcp(const std::string& bytes, TcpPacket* packet) {
  if (bytes.size() < sizeof(iphdr)) return false;
  memcpy(&packet->ip, bytes.data(), sizeof(iphdr));
  const size_t header = packet->ip.ihl * 4u;
  if (packet->ip.version != 4 || packet->ip.protocol != IPPROTO_TCP) return false;
  if (bytes.size() < header + sizeof(tcphdr)) return false;
  memcpy(&packet->tcp, bytes.data() + header, sizeof(tcphdr));
  return true;
}

// A packet that ends the connection of `packet`: for whom it was sent to, or back to its sender.
std::string Reset(const TcpPacket& packet, bool back) {
  iphdr ip = {};
  ip.version = 4;
  ip.ihl = sizeof(iphdr) / 4;
  ip.ttl = 64;
  ip.protocol = IPPROTO_TCP;
  ip.tot_len = htons(sizeof(iphdr) + sizeof(tcphdr));
  ip.saddr = back ? packet.ip.daddr : packet.ip.saddr;
  ip.daddr = back ? packet.ip.saddr : packet.ip.daddr;
  ip.check = Checksum(Bytes(ip));
  tcphdr tcp = {};
  tcp.source = back ? packet.tcp.dest : packet.tcp.source;
  tcp.dest = back ? packet.tcp.source : packet.tcp.dest;
  tcp.doff = sizeof(tcphdr) / 4;
  tcp.rst = 1;
  if (!back) {
    tcp.seq = packet.tcp.seq;
  } else if (packet.tcp.ack) {
    tcp.seq = packet.tcp.ack_seq;
  } else {  // A connection that is being opened.
    tcp.ack = 1;
    tcp.ack_seq = htonl(ntohl(packet.tcp.seq) + 1);
  }
  const uint16_t ends[] = {htons(IPPROTO_TCP), htons(sizeof(tcphdr))};
  tcp.check = Checksum(Bytes(ip.saddr) + Bytes(ip.daddr) + Bytes(ends) + Bytes(tcp));
  return Bytes(ip) + Bytes(tcp);
}

class TunLink {
 public:
  TunLink(int control, unsigned seed, int end0, int end1)
      : control_(control),
        random_(seed),
        ends_{{.fd = end0, .queue = {}, .free_at = {}}, {.fd = end1, .queue = {}, .free_at = {}}} {}

  void Run() {
    while (true) {
      pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                      {.fd = control_, .events = POLLIN, .revents = 0},
                      {.fd = ends_[0].fd, .events = POLLIN, .revents = 0},
                      {.fd = ends_[1].fd, .events = POLLIN, .revents = 0}};
      const timespec timeout = Deliver();
      if (ppoll(fds, 4, &timeout, nullptr) < 0 && errno != EINTR) Die("ppoll");
      if (fds[0].revents != 0) return;  // Nobody sends anything: its end.
      if (fds[1].revents != 0) TakeOrder();
      for (int from : {0, 1}) {
        if (fds[2 + from].revents != 0) Receive(from);
      }
    }
  }

 private:
  struct Packet {
    Clock::time_point due;
    std::string bytes;
  };
  struct End {
    int fd;
    std::deque<Packet> queue;   // What came from here and goes to the other end.
    Clock::time_point free_at;  // When the rate allows the next packet.
  };

  double Setting(const std::string& key) const { return settings_.at(key); }

  double Chance(double up_to) { return std::uniform_real_distribution<double>(0, up_to)(random_); }

  // Sends what is due; returns how long nothing else is.
  timespec Deliver() {
    auto next = std::chrono::nanoseconds(std::chrono::hours(1));
    const Clock::time_point now = Clock::now();
    for (int from : {0, 1}) {
      std::deque<Packet>& queue = ends_[from].queue;
      for (; !queue.empty() && queue.front().due <= now; queue.pop_front()) {
        Send(1 - from, queue.front().bytes);
      }
      if (!queue.empty()) next = std::min(next, std::chrono::nanoseconds(queue.front().due - now));
    }
    return {.tv_sec = next.count() / 1'000'000'000, .tv_nsec = next.count() % 1'000'000'000};
  }

  // A device that takes nothing drops it, as a network does.
  void Send(int to, const std::string& bytes) {
    (void)!write(ends_[to].fd, bytes.data(), bytes.size());
  }

  void Receive(int from) {
    static char buffer[kPacketBytesMax];
    for (int i = 0; i < 64; ++i) {
      const ssize_t length = read(ends_[from].fd, buffer, sizeof buffer);
      if (length <= 0) return;
      Take(from, std::string(buffer, static_cast<size_t>(length)));
    }
  }

  void Take(int from, std::string bytes) {
    TcpPacket packet;
    if (Setting("reset") != 0 && ReadTcp(bytes, &packet) && !packet.tcp.rst) {
      Send(from, Reset(packet, /*back=*/true));
      Send(1 - from, Reset(packet, /*back=*/false));
      return;
    }
    End& end = ends_[from];
    const bool dropped = (static_cast<int>(Setting("drop")) >> from & 1) != 0;
    const bool lost = Chance(100) < Setting("loss");
    if (dropped || lost || end.queue.size() >= kQueuePacketsMax) return;
    Clock::time_point due = Clock::now();
    if (const double rate = Setting("rate"); rate > 0) {
      const double waiting = Milliseconds(end.free_at - due).count() * rate / 8;
      if (Setting("queue") > 0 && waiting > Setting("queue") * 1024) return;
      const Milliseconds takes(static_cast<double>(bytes.size()) * 8 / rate);
      end.free_at = std::max(end.free_at, due) + std::chrono::duration_cast<Clock::duration>(takes);
      due = end.free_at;
    }
    const Milliseconds delay(Setting("delay") + Chance(Setting("jitter")));
    due += std::chrono::duration_cast<Clock::duration>(delay);
    if (!end.queue.empty()) due = std::max(due, end.queue.back().due);  // In order.
    end.queue.push_back({.due = due, .bytes = std::move(bytes)});
  }

  void TakeOrder() {
    char order[512];
    sockaddr_un sender = {};
    socklen_t sender_size = sizeof sender;
    const ssize_t length = recvfrom(control_, order, sizeof order, 0,
                                    reinterpret_cast<sockaddr*>(&sender), &sender_size);
    if (length < 0) return;
    const std::string answer = Obey(std::string(order, static_cast<size_t>(length)));
    sendto(control_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&sender),
           sender_size);
  }

  std::string Obey(const std::string& order) {
    std::istringstream words(order);
    std::map<std::string, double> changed = settings_;
    std::string key;
    while (words >> key) {
      const auto setting = changed.find(key);
      if (setting == changed.end()) return "unknown: " + key;
      if (!(words >> setting->second)) return "no number: " + key;
    }
    settings_ = changed;
    return "ok";
  }

  const int control_;
  std::mt19937 random_;
  End ends_[2];
  std::map<std::string, double> settings_ = {{"delay", 0}, {"jitter", 0}, {"loss", 0}, {"rate", 0},
                                             {"queue", 0}, {"drop", 0},   {"reset", 0}};
};

int OpenControl(const char* path) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Die(path);
  return fd;
}

int Main(int argc, char** argv) {
  if (argc != 9) {
    fprintf(stderr, "usage: tun_link SOCKET SEED NETNS DEVICE ADDRESS NETNS DEVICE ADDRESS\n");
    return 2;
  }
  const int end0 = OpenDevice(argv[3], argv[4], argv[5]);
  const int end1 = OpenDevice(argv[6], argv[7], argv[8]);
  // A network does not wait for a processor.
  const sched_param first = {.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_RR, &first) != 0) perror("sched_setscheduler");
  // The socket last: it says that the link is up.
  TunLink(OpenControl(argv[1]), static_cast<unsigned>(atol(argv[2])), end0, end1).Run();
  return 0;
}

}  // namespace
}  // namespace iris::testbed

int main(int argc, char** argv) { return iris::testbed::Main(argc, argv); }
